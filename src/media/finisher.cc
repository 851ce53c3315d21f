#include "media/finisher.h"

namespace telecine::media {
namespace {

PictureFormat codec_format(const VideoSettings& settings) {
  const VideoCodecEntry& entry = entry_of(settings.options.codec);
  if (entry.filters != nullptr) return {entry.scaled, AVCOL_RANGE_JPEG};
  return {pixel_format(settings), AVCOL_RANGE_MPEG, settings.colour.space};
}

}  // namespace

PictureFormat Finisher::takes(const VideoSettings& settings, bool draws) {
  PictureFormat format = codec_format(settings);
  if (draws && entry_of(settings.options.codec).filters != nullptr) {
    format = {AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, settings.colour.space};
  }
  return format;
}

Finisher::Finisher(const VideoSettings& settings, Drawings drawings, Sink sink)
    : sink_(std::move(sink)), ground_(settings.treatment) {
  const Treatment& treatment = settings.treatment;
  if (treatment.turns()) {
    add_chain(turning_filters(treatment), [this](FramePtr f) { return lay(std::move(f)); });
    turning_ = &chains_.back();
  }
  const bool draws = treatment.turns() || treatment.pads() || drawings.any();
  if (!drawings.overlays.empty()) {
    const std::string filters = overlay_filters(drawings.overlays, takes(settings, draws).format);
    std::vector<FramePtr> images;
    for (Overlay& overlay : drawings.overlays) images.push_back(std::move(overlay.image));
    add_chain(filters, [this](FramePtr f) { return paint(std::move(f)); }, std::move(images));
    drawing_ = &chains_.back();
  }
  subtitles_ = std::move(drawings.subtitles);
  if (takes(settings, draws) != codec_format(settings)) {
    last_.emplace(settings.size, codec_format(settings));
  }
  if (const char* filters = entry_of(settings.options.codec).filters) {
    add_chain(filters, [this](FramePtr f) { return sink_(std::move(f)); });
    codec_ = &chains_.back();
  }
}

void Finisher::add_chain(std::string filters, Sink sink, std::vector<FramePtr> images) {
  chains_.emplace_back(
      std::move(filters),
      [sink = std::move(sink)](const AVFrame& frame, Ticks at) {
        FramePtr own = share(frame);
        own->pts = at;
        return sink(std::move(own));
      },
      std::move(images));
}

Status Finisher::push(FramePtr frame) {
  if (turning_ != nullptr) return turning_->push(*frame, frame->pts);
  return lay(std::move(frame));
}

Status Finisher::lay(FramePtr frame) {
  auto laid = ground_.lay(std::move(frame));
  if (!laid) return std::unexpected(laid.error());
  if (drawing_ != nullptr) return drawing_->push(**laid, (*laid)->pts);
  return paint(std::move(*laid));
}

Status Finisher::paint(FramePtr frame) {
  if (!subtitles_) return convert(std::move(frame));
  auto painted = subtitles_->paint(std::move(frame));
  if (!painted) return std::unexpected(painted.error());
  return convert(std::move(*painted));
}

Status Finisher::convert(FramePtr frame) {
  if (last_) {
    auto made = last_->scale(*frame);
    if (!made) return std::unexpected(made.error());
    frame = std::move(*made);
  }
  if (codec_ != nullptr) return codec_->push(*frame, frame->pts);
  return sink_(std::move(frame));
}

Status Finisher::finish() {
  for (FilterChain& chain : chains_) {
    if (auto ok = chain.finish(); !ok) return ok;
  }
  return {};
}

}  // namespace telecine::media
