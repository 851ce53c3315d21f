#include "store/packed_view.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "base/text.h"
#include "task/records.h"
#include "task/task.h"

namespace telecine::sqlite {
namespace {

constexpr std::string_view kPackedOnce =
    "019f0000001f7bb404020f8512001237ea180bf9120fa617010f310d1c023c05263a5b1d13b068323634227d5d7d7d"
    "5d7d";

std::string usual_view() {
  Task task;
  task.spec.input = "https://media.example.com/library/1/source.mp4";
  for (const char* name : {"720p", "480p", "360p"}) {
    OutputSpec& spec = task.spec.outputs.emplace_back();
    spec.name = name;
    spec.renditions = {Rendition{"", VideoOptions{}, AudioOptions{}}};
    Output& output = task.outputs.emplace_back();
    output.name = name;
    output.facts.emplace().video.emplace_back();
    output.facts->audio.emplace_back();
  }
  return json::serialize(view_of(task));
}

TEST(PackedView, WhatWasPackedComesBack) {
  std::mt19937 random(7);
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string large(3'000'000, 'x');
  for (const std::string& text : {std::string(), std::string("{}"), usual_view(), noise, large}) {
    const auto back = unpack_view(pack_view(text));
    ASSERT_TRUE(back);
    EXPECT_TRUE(*back == text) << text.size() << " bytes";
  }
}

TEST(PackedView, AUsualOneTakesAFractionOfItsSize) {
  const std::string view = usual_view();
  EXPECT_LT(pack_view(view).size() * 6, view.size());
}

// What was written by a released version is read by all that follow: this is not to be made anew.
TEST(PackedView, WhatWasPackedOnceIsReadForEver) {
  constexpr std::string_view kView =
      R"({"state":"succeeded","outputs":[{"name":"720p","type":"video","state":"succeeded",)"
      R"("facts":{"container":"mov,mp4,m4a,3gp,3g2,mj2","video":[{"codec":"h264"}]}}]})";
  std::string packed;
  for (std::size_t i = 0; i < kPackedOnce.size(); i += 2) {
    packed += static_cast<char>(std::stoi(std::string(kPackedOnce.substr(i, 2)), nullptr, 16));
  }
  const auto view = unpack_view(packed);
  ASSERT_TRUE(view) << "today it is " << hex(pack_view(std::string(kView)));
  EXPECT_EQ(*view, kView);
  EXPECT_EQ(unpack_view(kView), std::string(kView)) << "a view as it is";
}

TEST(PackedView, DamagedBytesAreRefused) {
  const std::string packed = pack_view(usual_view());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(unpack_view(std::string_view(packed).substr(0, size)));
  }
  std::string other = packed;
  other[0] = 9;
  EXPECT_FALSE(unpack_view(other)) << "a text that is not known";
  other = packed;
  other[4] = '\x7f';
  EXPECT_FALSE(unpack_view(other)) << "more than a view ever has";
  EXPECT_FALSE(unpack_view(std::string("\x01\0\0\0\x0f\0", 6))) << "more than this can hold";
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    other = packed;
    other[1 + random() % (other.size() - 1)] ^= static_cast<char>(1 + random() % 255);
    (void)unpack_view(other);  // anything but a crash
  }
}

}  // namespace
}  // namespace telecine::sqlite
