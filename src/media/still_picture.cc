#include "media/still_picture.h"

#include "media/filter_chain.h"
#include "media/scale.h"
#include "media/tone_map.h"
#include "media/treatment.h"

namespace telecine::media {
namespace {

constexpr PictureFormat kRgb{AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG};

bool is_plain(const AVFrame& frame, const StillOptions& options) {
  const bool shapes = options.size.fit == Fit::kCrop || options.size.fit == Fit::kPad;
  return !is_hdr(frame.color_trc) && !shapes && options.framing == Framing{} &&
         options.watermarks.empty();
}

/// Tones are mapped in the small picture, where they are fewer.
Result<FramePtr> scaled(const AVFrame& part, Dimensions size) {
  if (!is_hdr(part.color_trc)) return Scaler(size, kRgb).scale(part);
  auto deep = Scaler(size, {AV_PIX_FMT_YUV420P10, AVCOL_RANGE_MPEG}).scale(part);
  if (!deep) return deep;
  auto mapped = as_sdr(std::move(*deep));
  if (!mapped) return mapped;
  return Scaler(size, kRgb).scale(**mapped);
}

Result<FramePtr> with_watermarks(FramePtr frame, const StillOptions& options, Images& images) {
  if (options.watermarks.empty()) return frame;
  std::vector<Watermark> marks = options.watermarks;
  for (Watermark& mark : marks) mark.start = mark.end = 0;
  auto overlays = overlays_of(marks, {frame->width, frame->height}, kRgb.format, {}, images);
  if (!overlays) return std::unexpected(overlays.error());
  const std::string filters = overlay_filters(*overlays, kRgb.format);
  std::vector<FramePtr> laid;
  for (Overlay& overlay : *overlays) laid.push_back(std::move(overlay.image));
  return filtered(*frame, filters, std::move(laid));
}

}  // namespace

Result<Dimensions> still_size(const StillOptions& options, Dimensions display) {
  auto treatment = treatment_of(options.size, options.framing, display);
  if (!treatment) return std::unexpected(treatment.error());
  return treatment->size;
}

Result<FramePtr> still_picture(const AVFrame& frame, const StillOptions& options,
                               Dimensions display, Images& images) {
  if (is_plain(frame, options)) return share(frame);
  const auto treatment = treatment_of(options.size, options.framing, display);
  if (!treatment) return std::unexpected(treatment.error());
  auto part = part_of_picture(frame, treatment->window);
  if (!part) return part;
  auto made = scaled(**part, treatment->scaled);
  if (made && treatment->turns()) made = filtered(**made, turning_filters(*treatment));
  if (made) made = Ground(*treatment).lay(std::move(*made));
  return made ? with_watermarks(std::move(*made), options, images) : std::move(made);
}

}  // namespace telecine::media
