#include "store/packed_view.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "task/records.h"
#include "task/task.h"

namespace telecine::sqlite {
namespace {

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
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    other = packed;
    other[1 + random() % (other.size() - 1)] ^= static_cast<char>(1 + random() % 255);
    (void)unpack_view(other);  // anything but a crash
  }
}

}  // namespace
}  // namespace telecine::sqlite
