#include "media/overlay.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "media/hdr_colour.h"
#include "media/heif.h"
#include "media/input.h"
#include "media/scale.h"
#include "media/still.h"
#include "media/tone_map.h"

namespace telecine::media {
namespace {

bool has_ten_bits(AVPixelFormat format) {
  const auto* facts = av_pix_fmt_desc_get(format);
  return facts != nullptr && facts->comp[0].depth == 10;
}

Result<FramePtr> as_rgba(const AVFrame& image) {
  return Scaler({image.width, image.height}, {AV_PIX_FMT_RGBA, AVCOL_RANGE_JPEG}).scale(image);
}

Result<FramePtr> read_image(int fd) {
  if (is_heif(fd)) {
    const auto picture = heif_picture(fd);
    if (!picture) return std::unexpected(picture.error());
    return as_rgba(**picture);
  }
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  for (unsigned i = 0; i < input->format().nb_streams; ++i) {
    const AVStream& stream = input->stream(static_cast<int>(i));
    if (stream.codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    auto frame = grab_frame(*input, stream, 0, true);
    if (!frame) return frame;
    return as_rgba(**frame);
  }
  return fail(ErrorCode::kNotMedia, "the file holds no picture");
}

template <typename Change>
void for_each_pixel(AVFrame& rgba, Change change) {
  for (int y = 0; y < rgba.height; ++y) {
    std::uint8_t* pixel = rgba.data[0] + static_cast<std::ptrdiff_t>(y) * rgba.linesize[0];
    for (int x = 0; x < rgba.width; ++x, pixel += 4) change(pixel);
  }
}

/// Scales without letting the colours of what cannot be seen into what can.
Result<FramePtr> scaled(const AVFrame& image, Dimensions size, double opacity) {
  FramePtr own = share(image);
  if (av_frame_make_writable(own.get()) < 0)
    return fail(ErrorCode::kResourceLimit, "out of memory");
  for_each_pixel(*own, [](std::uint8_t* p) {
    for (int c = 0; c < 3; ++c) p[c] = static_cast<std::uint8_t>((p[c] * p[3] + 127) / 255);
  });
  auto small = Scaler(size, {AV_PIX_FMT_RGBA, AVCOL_RANGE_JPEG}).scale(*own);
  if (!small) return small;
  if (av_frame_make_writable(small->get()) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  for_each_pixel(**small, [opacity](std::uint8_t* p) {
    for (int c = 0; c < 3 && p[3] > 0; ++c) {
      p[c] = static_cast<std::uint8_t>(std::min(255, (p[c] * 255 + p[3] / 2) / p[3]));
    }
    p[3] = static_cast<std::uint8_t>(std::lround(p[3] * opacity));
  });
  return small;
}

/// Brings its colours to where those of high dynamic range are.
void lift(AVFrame& rgba, AVColorTransferCharacteristic transfer) {
  for_each_pixel(rgba, [transfer](std::uint8_t* p) {
    const Channels made = drawn_in(transfer, {p[0] / 255.0, p[1] / 255.0, p[2] / 255.0});
    for (std::size_t c = 0; c < 3; ++c) {
      p[c] = static_cast<std::uint8_t>(std::lround(made[c] * 255));
    }
  });
}

int at_least_one(double side) {
  constexpr double kMost = 8192;
  return std::max(1, static_cast<int>(std::lround(std::min(side, kMost))));
}

Dimensions size_of(const Watermark& mark, const AVFrame& image, Dimensions picture) {
  double width = mark.width.of(picture.width);
  double height = mark.height.of(picture.height);
  if (width <= 0 && height <= 0) return {image.width, image.height};
  if (width <= 0) width = height * image.width / image.height;
  if (height <= 0) height = width * image.height / image.width;
  return {at_least_one(width), at_least_one(height)};
}

void place(Overlay& overlay, const Watermark& mark, Dimensions picture) {
  const int x = static_cast<int>(std::lround(mark.x.of(picture.width)));
  const int y = static_cast<int>(std::lround(mark.y.of(picture.height)));
  const int right = picture.width - overlay.image->width;
  const int bottom = picture.height - overlay.image->height;
  switch (mark.corner) {
    case Corner::kTopLeft:
      overlay.x = x;
      overlay.y = y;
      break;
    case Corner::kTopRight:
      overlay.x = right - x;
      overlay.y = y;
      break;
    case Corner::kBottomLeft:
      overlay.x = x;
      overlay.y = bottom - y;
      break;
    case Corner::kBottomRight:
      overlay.x = right - x;
      overlay.y = bottom - y;
      break;
    case Corner::kCentre:
      overlay.x = right / 2 + x;
      overlay.y = bottom / 2 + y;
      break;
  }
}

std::string times(const Overlay& overlay) {
  if (overlay.start == 0 && overlay.end == 0) return "";
  const double end = overlay.end > 0 ? static_cast<double>(overlay.end) / 1000 : 1e9;
  char text[100];
  std::snprintf(text, sizeof text, ":enable='gte(t,%.3f)*lt(t,%.3f)'",
                static_cast<double>(overlay.start) / 1000, end);
  return text;
}

}  // namespace

Result<const AVFrame*> Images::get(const std::string& asset) {
  auto& image = read_[asset];
  if (image) return image.get();
  auto fd = files_->open(asset);
  if (!fd) return std::unexpected(fd.error());
  auto read = read_image(fd->get());
  if (!read) {
    return fail(read.error().code, "the image of a watermark: " + read.error().message,
                "watermarks");
  }
  image = std::move(*read);
  return image.get();
}

Result<std::vector<Overlay>> overlays_of(const std::vector<Watermark>& marks, Dimensions size,
                                         AVPixelFormat format, const ColourTags& colour,
                                         Images& images) {
  // libavfilter converts between depths itself, but not between matrices.
  const PictureFormat wanted =
      is_rgb(format) ? PictureFormat{AV_PIX_FMT_RGBA, AVCOL_RANGE_JPEG}
                     : PictureFormat{AV_PIX_FMT_YUVA420P, AVCOL_RANGE_MPEG, colour.space};
  std::vector<Overlay> overlays;
  for (const Watermark& mark : marks) {
    auto image = images.get(mark.image);
    if (!image) return std::unexpected(image.error());
    const Dimensions own = size_of(mark, **image, size);
    auto small = scaled(**image, own, mark.opacity);
    if (!small) return std::unexpected(small.error());
    if (is_hdr(colour.transfer)) lift(**small, colour.transfer);
    auto ready = Scaler(own, wanted).scale(**small);
    if (!ready) return std::unexpected(ready.error());
    Overlay overlay{std::move(*ready), 0, 0, mark.start, mark.end};
    place(overlay, mark, size);
    overlays.push_back(std::move(overlay));
  }
  return overlays;
}

std::string overlay_filters(const std::vector<Overlay>& overlays, AVPixelFormat format) {
  const char* kind = is_rgb(format) ? "rgb" : has_ten_bits(format) ? "yuv420p10" : "yuv420";
  std::string text;
  std::string below = "in";
  for (std::size_t i = 0; i < overlays.size(); ++i) {
    const std::string number = std::to_string(i);
    const bool last = i + 1 == overlays.size();
    const std::string above = last ? "out" : "laid" + number;
    text += "[" + below + "][image" + number + "]overlay=x=" + std::to_string(overlays[i].x) +
            ":y=" + std::to_string(overlays[i].y) + ":format=" + kind + times(overlays[i]) + "[" +
            above + "]" + (last ? "" : ";");
    below = above;
  }
  return text;
}

}  // namespace telecine::media
