#include "media/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "media/scale.h"

namespace telecine::media {
namespace {

constexpr int kChannels = 3;

double luminance(Colour colour) {
  const auto linear = [](std::uint8_t value) {
    const double share = value / 255.0;
    return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

std::uint8_t mix(std::uint8_t under, std::uint8_t over, int alpha) {
  return static_cast<std::uint8_t>((under * (255 - alpha) + over * alpha + 127) / 255);
}

int alpha_of(double covered) {
  return static_cast<int>(std::lround(std::clamp(covered, 0.0, 1.0) * 255));
}

}  // namespace

double contrast(Colour a, Colour b) {
  const double one = luminance(a) + 0.05;
  const double other = luminance(b) + 0.05;
  return std::max(one, other) / std::min(one, other);
}

Canvas::Canvas(Dimensions size)
    : size_(size),
      pixels_(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) *
              kChannels) {}

void Canvas::fill(Colour colour) {
  fill({0, 0, size_.width, size_.height}, colour);
}

void Canvas::fill(Box box, Colour colour) {
  const int right = std::min(box.x + box.width, size_.width);
  const int bottom = std::min(box.y + box.height, size_.height);
  for (int y = std::max(0, box.y); y < bottom; ++y) {
    for (int x = std::max(0, box.x); x < right; ++x) blend(x, y, colour, 255);
  }
}

void Canvas::frame(Box box, int thickness, Colour colour) {
  fill({box.x, box.y, box.width, thickness}, colour);
  fill({box.x, box.y + box.height - thickness, box.width, thickness}, colour);
  fill({box.x, box.y, thickness, box.height}, colour);
  fill({box.x + box.width - thickness, box.y, thickness, box.height}, colour);
}

void Canvas::ring(double x, double y, double radius, double thickness, Colour colour) {
  const int reach = static_cast<int>(std::ceil(radius + thickness)) + 1;
  for (int row = static_cast<int>(y) - reach; row <= static_cast<int>(y) + reach; ++row) {
    for (int column = static_cast<int>(x) - reach; column <= static_cast<int>(x) + reach;
         ++column) {
      const double off = std::abs(std::hypot(column - x, row - y) - radius);
      blend(column, row, colour, alpha_of(thickness / 2 + 0.5 - off));
    }
  }
}

void Canvas::triangle(const double (&x)[3], const double (&y)[3], Colour colour) {
  const auto [left, right] = std::minmax({x[0], x[1], x[2]});
  const auto [top, bottom] = std::minmax({y[0], y[1], y[2]});
  const double turn = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
  const double sign = turn < 0 ? -1 : 1;
  for (int row = static_cast<int>(top) - 1; row <= static_cast<int>(bottom) + 1; ++row) {
    for (int column = static_cast<int>(left) - 1; column <= static_cast<int>(right) + 1; ++column) {
      double inside = 1e9;  // px to the nearest edge
      for (int i = 0; i < 3; ++i) {
        const int k = (i + 1) % 3;
        const double dx = x[k] - x[i];
        const double dy = y[k] - y[i];
        const double length = std::max(1e-9, std::hypot(dx, dy));
        inside = std::min(inside, sign * (dx * (row - y[i]) - dy * (column - x[i])) / length);
      }
      blend(column, row, colour, alpha_of(inside + 0.5));
    }
  }
}

void Canvas::put(const AVFrame& picture, int x, int y) {
  const int left = std::max(0, x);
  const int right = std::min(x + picture.width, size_.width);
  if (right <= left) return;
  for (int row = std::max(0, y); row < std::min(y + picture.height, size_.height); ++row) {
    const auto* from = picture.data[0] +
                       static_cast<std::ptrdiff_t>(row - y) * picture.linesize[0] +
                       static_cast<std::ptrdiff_t>(left - x) * kChannels;
    const auto at = (static_cast<std::size_t>(row) * static_cast<std::size_t>(size_.width) +
                     static_cast<std::size_t>(left)) *
                    kChannels;
    std::memcpy(pixels_.data() + at, from, static_cast<std::size_t>(right - left) * kChannels);
  }
}

void Canvas::blend(int x, int y, Colour colour, int alpha) {
  if (x < 0 || y < 0 || x >= size_.width || y >= size_.height || alpha <= 0) return;
  auto* pixel =
      pixels_.data() + (static_cast<std::size_t>(y) * static_cast<std::size_t>(size_.width) +
                        static_cast<std::size_t>(x)) *
                           kChannels;
  pixel[0] = mix(pixel[0], colour.red, alpha);
  pixel[1] = mix(pixel[1], colour.green, alpha);
  pixel[2] = mix(pixel[2], colour.blue, alpha);
}

Result<FramePtr> Canvas::to_rgb() const {
  FramePtr rgb = make_frame();
  rgb->format = AV_PIX_FMT_RGB24;
  rgb->width = size_.width;
  rgb->height = size_.height;
  if (av_frame_get_buffer(rgb.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  const auto line = static_cast<std::size_t>(size_.width) * kChannels;
  for (int y = 0; y < size_.height; ++y) {
    std::memcpy(rgb->data[0] + static_cast<std::ptrdiff_t>(y) * rgb->linesize[0],
                pixels_.data() + static_cast<std::size_t>(y) * line, line);
  }
  return rgb;
}

Result<FramePtr> Canvas::to_yuv() const {
  auto rgb = to_rgb();
  if (!rgb) return rgb;
  return Scaler(size_, {AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709}).scale(**rgb);
}

}  // namespace telecine::media
