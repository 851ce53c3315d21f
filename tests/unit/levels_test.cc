#include "task/levels.h"

#include <gtest/gtest.h>

#include "media/fit_level.h"

namespace telecine::media {
namespace {

VideoSettings settings(VideoCodec codec, int level, Dimensions size, int rate) {
  VideoSettings made;
  made.options.codec = codec;
  made.options.level = level;
  made.options.rate.crf = 23;
  made.size = size;
  made.frame_rate = {rate, 1};
  return made;
}

bool fits(VideoSettings made) {
  return fit_level(made).has_value();
}

// The usual sizes of each level's decoders.
TEST(Levels, HoldWhatTheirDecodersTake) {
  const auto h264 = [](int level, Dimensions size, int rate) {
    return fits(settings(VideoCodec::kH264, level, size, rate));
  };
  EXPECT_TRUE(h264(30, {720, 576}, 25));
  EXPECT_FALSE(h264(30, {720, 576}, 30));
  EXPECT_TRUE(h264(31, {1280, 720}, 30));
  EXPECT_FALSE(h264(31, {1280, 720}, 50));
  EXPECT_TRUE(h264(40, {1920, 1080}, 30));
  EXPECT_FALSE(h264(40, {1920, 1080}, 60));
  EXPECT_TRUE(h264(42, {1920, 1080}, 60));
  EXPECT_FALSE(h264(31, {1920, 1080}, 1));
  EXPECT_FALSE(h264(31, {2800, 16}, 1)) << "a side that is too long";
  const auto h265 = [](int level, Dimensions size, int rate) {
    return fits(settings(VideoCodec::kH265, level, size, rate));
  };
  EXPECT_TRUE(h265(41, {1920, 1080}, 60));
  EXPECT_FALSE(h265(40, {1920, 1080}, 60));
  EXPECT_TRUE(h265(51, {3840, 2160}, 60));
  EXPECT_FALSE(h265(50, {3840, 2160}, 60));
}

TEST(Levels, CapTheBitRate) {
  VideoSettings high = settings(VideoCodec::kH264, 31, {1280, 720}, 30);
  ASSERT_TRUE(fit_level(high));
  EXPECT_EQ(high.options.rate.max_rate, 17'500'000);
  EXPECT_EQ(high.options.rate.buffer, 17'500'000);
  VideoSettings main = settings(VideoCodec::kH264, 31, {1280, 720}, 30);
  main.options.profile = Profile::kMain;
  ASSERT_TRUE(fit_level(main));
  EXPECT_EQ(main.options.rate.max_rate, 14'000'000);
  main.options.rate.max_rate = 14'000'001;
  EXPECT_FALSE(fit_level(main));
  VideoSettings free = settings(VideoCodec::kH264, 0, {7680, 4320}, 60);
  ASSERT_TRUE(fit_level(free));
  EXPECT_FALSE(free.options.rate.max_rate);
}

TEST(Levels, BoundTheReferences) {
  EXPECT_EQ(most_references(settings(VideoCodec::kH264, 31, {1280, 720}, 30)), 5);
  EXPECT_EQ(most_references(settings(VideoCodec::kH264, 41, {1920, 1080}, 30)), 4);
  EXPECT_EQ(most_references(settings(VideoCodec::kH264, 51, {320, 180}, 30)), 16);
}

TEST(Levels, AreThoseOfTheirCodec) {
  EXPECT_EQ(level_of(VideoCodec::kH265, 32), nullptr);
  EXPECT_NE(level_of(VideoCodec::kH264, 32), nullptr);
  EXPECT_EQ(level_of(VideoCodec::kAv1, 40), nullptr);
  EXPECT_EQ(level_name(40), "4");
  EXPECT_EQ(level_name(31), "3.1");
}

}  // namespace
}  // namespace telecine::media
