#include "media/treatment.h"

extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <cmath>

#include "media/scale.h"

namespace telecine::media {
namespace {

Dimensions turned(Dimensions size, int rotate) {
  return rotate % 180 == 0 ? size : Dimensions{size.height, size.width};
}

/// From `at` on, `wanted` long or to the far edge, in shares of `whole`.
struct Stretch {
  double at;
  double length;
};
Stretch stretch_of(const Length& at, const Length& wanted, double whole) {
  const double from = at.of(whole);
  const double length = wanted.value > 0 ? wanted.of(whole) : whole - from;
  return {from / whole, std::min(length, whole - from) / whole};
}

Result<Window> crop_of(const Framing& framing, Dimensions source) {
  if (!framing.crop) return Window{};
  const auto [x, width] = stretch_of(framing.crop->x, framing.crop->width, source.width);
  const auto [y, height] = stretch_of(framing.crop->y, framing.crop->height, source.height);
  constexpr double kLeast = 2;  // px
  if (width * source.width < kLeast || height * source.height < kLeast) {
    return fail(ErrorCode::kInvalidParameter, "the crop is not inside the picture of " +
                                                  std::to_string(source.width) + "x" +
                                                  std::to_string(source.height));
  }
  return Window{x, y, width, height};
}

/// What of `window` has the shape of `target`, around its middle. Both in the source's direction.
Window narrowed(const Window& window, Dimensions source, Dimensions target) {
  const double width = window.width * source.width;
  const double height = window.height * source.height;
  const double shape = static_cast<double>(target.width) / target.height;
  Window made = window;
  if (width > height * shape) {
    made.width = height * shape / source.width;
    made.x += (window.width - made.width) / 2;
  } else {
    made.height = width / shape / source.height;
    made.y += (window.height - made.height) / 2;
  }
  return made;
}

/// The nearest multiple of `step` that is not negative.
int snapped(double value, int step) {
  return std::max(0, static_cast<int>(std::lround(value / step)) * step);
}

}  // namespace

Result<Treatment> treatment_of(const PictureSize& size, const Framing& framing, Dimensions source) {
  auto window = crop_of(framing, source);
  if (!window) return std::unexpected(window.error());
  const Dimensions used = {
      std::max(1, static_cast<int>(std::lround(window->width * source.width))),
      std::max(1, static_cast<int>(std::lround(window->height * source.height)))};
  const Dimensions shown = turned(used, framing.rotate);
  Treatment made;
  made.rotate = framing.rotate;
  made.flip = framing.flip;
  made.background = framing.background;
  made.size = made.inner = fit(size, shown);
  if (size.fit == Fit::kPad) {
    made.inner = fit({.width = size.width, .height = size.height, .enlarge = true}, shown);
    made.inner.width = std::min(made.inner.width, made.size.width);
    made.inner.height = std::min(made.inner.height, made.size.height);
  }
  made.scaled = turned(made.inner, framing.rotate);
  made.window = size.fit == Fit::kCrop ? narrowed(*window, source, made.scaled) : *window;
  return made;
}

std::string turning_filters(const Treatment& treatment) {
  std::string filters;
  if (treatment.rotate == 90) filters = "transpose=clock";
  if (treatment.rotate == 180) filters = "hflip,vflip";
  if (treatment.rotate == 270) filters = "transpose=cclock";
  if (treatment.flip == Flip::kNone) return filters;
  return filters + (filters.empty() ? "" : ",") +
         (treatment.flip == Flip::kHorizontal ? "hflip" : "vflip");
}

Result<FramePtr> part_of_picture(const AVFrame& frame, const Window& window) {
  FramePtr part = share(frame);
  if (window.is_whole()) return part;
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const int step_x = format == nullptr ? 1 : 1 << format->log2_chroma_w;
  const int step_y = format == nullptr ? 1 : 1 << format->log2_chroma_h;
  const int left = std::min(snapped(window.x * frame.width, step_x), frame.width - step_x);
  const int top = std::min(snapped(window.y * frame.height, step_y), frame.height - step_y);
  const int width = std::max(step_x, snapped(window.width * frame.width, step_x));
  const int height = std::max(step_y, snapped(window.height * frame.height, step_y));
  part->crop_left = static_cast<std::size_t>(left);
  part->crop_top = static_cast<std::size_t>(top);
  part->crop_right = static_cast<std::size_t>(std::max(0, frame.width - left - width));
  part->crop_bottom = static_cast<std::size_t>(std::max(0, frame.height - top - height));
  if (const int code = av_frame_apply_cropping(part.get(), AV_FRAME_CROP_UNALIGNED); code < 0) {
    return std::unexpected(av_error(code, "the picture cannot be cropped", ErrorCode::kInternal));
  }
  return part;
}

Result<FramePtr> Ground::plain(const AVFrame& like) const {
  FramePtr dot = make_frame();
  dot->format = AV_PIX_FMT_RGB24;
  dot->width = dot->height = 2;
  if (av_frame_get_buffer(dot.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  for (int y = 0; y < 2; ++y) {
    std::uint8_t* line = dot->data[0] + static_cast<std::ptrdiff_t>(y) * dot->linesize[0];
    for (int x = 0; x < 2; ++x) {
      for (int shift : {16, 8, 0}) *line++ = treatment_.background >> shift & 0xff;
    }
  }
  const PictureFormat format{static_cast<AVPixelFormat>(like.format), like.color_range,
                             matrix_of(like)};
  return Scaler(treatment_.size, format).scale(*dot);
}

Result<FramePtr> Ground::lay(FramePtr frame) {
  if (frame->width == treatment_.size.width && frame->height == treatment_.size.height) {
    return frame;
  }
  if (!ground_ || ground_->format != frame->format) {
    auto made = plain(*frame);
    if (!made) return made;
    ground_ = std::move(*made);
  }
  FramePtr out = share(*ground_);
  int code = av_frame_make_writable(out.get());
  if (code >= 0) code = av_frame_copy_props(out.get(), frame.get());
  if (code < 0) return fail(ErrorCode::kResourceLimit, "out of memory");
  FramePtr place = share(*out);
  const int left = (out->width - frame->width) / 4 * 2;
  const int top = (out->height - frame->height) / 4 * 2;
  place->crop_left = static_cast<std::size_t>(left);
  place->crop_top = static_cast<std::size_t>(top);
  place->crop_right = static_cast<std::size_t>(out->width - left - frame->width);
  place->crop_bottom = static_cast<std::size_t>(out->height - top - frame->height);
  av_frame_apply_cropping(place.get(), AV_FRAME_CROP_UNALIGNED);
  av_image_copy(place->data, place->linesize, const_cast<const std::uint8_t**>(frame->data),
                frame->linesize, static_cast<AVPixelFormat>(frame->format), frame->width,
                frame->height);
  return out;
}

}  // namespace telecine::media
