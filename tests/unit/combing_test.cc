#include "media/combing.h"

#include <gtest/gtest.h>

#include <random>

namespace telecine::media {
namespace {

constexpr int kWidth = 96;
constexpr int kHeight = 80;

FramePtr picture(AVPixelFormat format = AV_PIX_FMT_YUV420P) {
  FramePtr frame = make_frame();
  frame->format = format;
  frame->width = kWidth;
  frame->height = kHeight;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 0), 0);
  return frame;
}

/// `value(x, y)` is of 255.
template <class Value>
FramePtr painted(Value value, AVPixelFormat format = AV_PIX_FMT_YUV420P) {
  FramePtr frame = picture(format);
  const bool is_deep = format != AV_PIX_FMT_YUV420P;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      std::uint8_t* line = frame->data[0] + y * frame->linesize[0];
      if (is_deep) {
        reinterpret_cast<std::uint16_t*>(line)[x] = static_cast<std::uint16_t>(4 * value(x, y));
      } else {
        line[x] = static_cast<std::uint8_t>(value(x, y));
      }
    }
  }
  return frame;
}

/// A square that moves by `step` px between the fields.
auto square(int step) {
  return [step](int x, int y) {
    const int left = 30 + (y % 2) * step;
    return x >= left && x < left + 30 && y >= 20 && y < 50 ? 200 : 60;
  };
}

TEST(Combing, IsSeenWhereSomethingMovedBetweenTheFields) {
  EXPECT_FALSE(is_combed(*painted(square(0))));
  EXPECT_TRUE(is_combed(*painted(square(4))));
  EXPECT_TRUE(is_combed(*painted(square(4), AV_PIX_FMT_YUV420P10)));
  EXPECT_FALSE(is_combed(*painted(square(0), AV_PIX_FMT_YUV420P10)));
}

TEST(Combing, IsNotSeenInGrainEdgesAndSingleLines) {
  std::mt19937 random(1);
  std::normal_distribution<double> grain(0, 8);
  EXPECT_FALSE(is_combed(*painted(
      [&](int, int) { return std::clamp(static_cast<int>(128 + grain(random)), 0, 255); })));
  EXPECT_FALSE(is_combed(*painted([](int x, int y) { return (x + y) % 40 < 20 ? 50 : 200; })));
  EXPECT_FALSE(is_combed(*painted([](int, int y) { return y == 31 || y == 40 ? 255 : 0; })));
}

TEST(Combing, IsSeenInTheLastLines) {
  EXPECT_TRUE(is_combed(
      *painted([](int x, int y) { return y >= kHeight - 6 && x < 40 && y % 2 == 0 ? 220 : 40; })));
}

TEST(Combing, PlainLumaIsToldByTheFormat) {
  EXPECT_TRUE(has_plain_luma(*picture(AV_PIX_FMT_YUV422P10)));
  EXPECT_TRUE(has_plain_luma(*picture(AV_PIX_FMT_NV12)));
  EXPECT_FALSE(has_plain_luma(*picture(AV_PIX_FMT_RGB24)));
  EXPECT_FALSE(has_plain_luma(*picture(AV_PIX_FMT_YUYV422)));
  EXPECT_FALSE(has_plain_luma(*picture(AV_PIX_FMT_P010LE)));
}

}  // namespace
}  // namespace telecine::media
