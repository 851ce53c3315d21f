#include "media/animatic_pictures.h"

#include <algorithm>
#include <cmath>

#include "media/input.h"
#include "media/scale.h"
#include "media/still.h"

namespace telecine::media {
namespace {

Result<FramePtr> blank(Dimensions size) {
  FramePtr frame = make_frame();
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = size.width;
  frame->height = size.height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  return frame;
}

struct PlaneSize {
  int width;
  int height;
};
PlaneSize plane_size(const AVFrame& frame, int plane) {
  return plane == 0 ? PlaneSize{frame.width, frame.height}
                    : PlaneSize{frame.width / 2, frame.height / 2};
}

const std::uint8_t* line_of(const AVFrame& frame, int plane, int y) {
  return frame.data[plane] + static_cast<std::ptrdiff_t>(y) * frame.linesize[plane];
}
std::uint8_t* line_of(AVFrame& frame, int plane, int y) {
  return frame.data[plane] + static_cast<std::ptrdiff_t>(y) * frame.linesize[plane];
}

/// One line between two of the picture's, at steps of 1/65536 px.
void sample_line(const std::uint8_t* upper, const std::uint8_t* lower, int weight, std::int64_t at,
                 std::int64_t step, int limit, std::uint8_t* out, int width) {
  for (int x = 0; x < width; ++x, at += step) {
    const int left = std::clamp(static_cast<int>(at >> 16), 0, limit);
    const int right = std::min(left + 1, limit);
    const int part = static_cast<int>(at & 0xFFFF) >> 8;
    const int above = upper[left] * (256 - part) + upper[right] * part;
    const int below = lower[left] * (256 - part) + lower[right] * part;
    out[x] = static_cast<std::uint8_t>((above * (256 - weight) + below * weight) >> 16);
  }
}

}  // namespace

Result<FramePtr> read_picture(const OpenPicture& open, int index) {
  auto fd = open(index);
  if (!fd) return std::unexpected(fd.error());
  auto input = Input::open(fd->get());
  if (!input) return std::unexpected(input.error());
  for (unsigned i = 0; i < input->format().nb_streams; ++i) {
    const AVStream& stream = input->stream(static_cast<int>(i));
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO) return grab_frame(*input, stream, 0);
  }
  return fail(ErrorCode::kNotMedia, "this is not a picture",
              "images[" + std::to_string(index) + "]");
}

Result<FramePtr> as_rgb(const AVFrame& picture, Dimensions size) {
  return Scaler(size, {AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG, AVCOL_SPC_UNSPECIFIED}).scale(picture);
}

Result<FramePtr> as_yuv(const AVFrame& rgb) {
  return Scaler({rgb.width, rgb.height}, {AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709})
      .scale(rgb);
}

Dimensions cover(const AVFrame& picture, double width, double height) {
  const double factor = std::max(width / picture.width, height / picture.height);
  return {even(std::ceil(picture.width * factor / 2) * 2),
          even(std::ceil(picture.height * factor / 2) * 2)};
}

Dimensions inside(const AVFrame& picture, double width, double height) {
  const double factor = std::min(width / picture.width, height / picture.height);
  return {even(picture.width * factor), even(picture.height * factor)};
}

Result<FramePtr> dissolve(const AVFrame& a, const AVFrame& b, int share) {
  auto out = blank({a.width, a.height});
  if (!out) return out;
  for (int plane = 0; plane < 3; ++plane) {
    const PlaneSize size = plane_size(a, plane);
    for (int y = 0; y < size.height; ++y) {
      const auto* from = line_of(a, plane, y);
      const auto* to = line_of(b, plane, y);
      auto* line = line_of(**out, plane, y);
      for (int x = 0; x < size.width; ++x) {
        line[x] = static_cast<std::uint8_t>((from[x] * (256 - share) + to[x] * share) >> 8);
      }
    }
  }
  return out;
}

Result<FramePtr> sample(const AVFrame& from, const PanWindow& window, Dimensions size) {
  auto out = blank(size);
  if (!out) return out;
  for (int plane = 0; plane < 3; ++plane) {
    const double part = plane == 0 ? 1 : 0.5;
    const PlaneSize target = plane_size(**out, plane);
    const PlaneSize source = plane_size(from, plane);
    const double step_x = window.width * part / target.width;
    const double step_y = window.height * part / target.height;
    for (int y = 0; y < target.height; ++y) {
      const double at = std::clamp(window.y * part + (y + 0.5) * step_y - 0.5, 0.0,
                                   static_cast<double>(source.height - 1));
      const int upper = static_cast<int>(at);
      const int lower = std::min(upper + 1, source.height - 1);
      const double first = window.x * part + 0.5 * step_x - 0.5;
      sample_line(line_of(from, plane, upper), line_of(from, plane, lower),
                  static_cast<int>((at - upper) * 256),
                  static_cast<std::int64_t>(std::max(0.0, first) * 65536),
                  static_cast<std::int64_t>(step_x * 65536), source.width - 1,
                  line_of(**out, plane, y), target.width);
    }
  }
  return out;
}

void put_foot(AVFrame& frame, const AVFrame& foot, int sheer) {
  for (int plane = 0; plane < 3; ++plane) {
    const PlaneSize size = plane_size(foot, plane);
    const int top = plane_size(frame, plane).height - size.height;
    const int mixed = plane == 0 ? sheer : sheer / 2;
    for (int y = 0; y < size.height; ++y) {
      auto* line = line_of(frame, plane, top + y);
      const auto* over = line_of(foot, plane, y);
      for (int x = 0; x < size.width; ++x) {
        const auto mix = static_cast<std::uint8_t>((line[x] + over[x] * 3) >> 2);
        const bool bright = plane == 0 && over[x] > mix;
        line[x] = y < mixed && !bright ? mix : over[x];
      }
    }
  }
}

}  // namespace telecine::media
