// How a transcode makes what takes pictures, from the decoder to the encoders.

#include <algorithm>

#include "media/tone_map.h"
#include "media/transcode.h"

namespace telecine::media {

Result<std::unique_ptr<VideoBranch>> Transcode::make_branch(const PlannedVideo& planned,
                                                            VideoBranch* parent) {
  VideoSettings settings = planned.settings;
  if (is_hdr(settings.colour.transfer)) settings.light = light();
  const Span span = span_of(planned.part);
  auto drawings = drawings_for(settings, span);
  if (!drawings) return std::unexpected(drawings.error());
  return VideoBranch::create(settings, planned.rate_limit, {span, window_in(span)},
                             std::move(*drawings), parent);
}

const HdrLight& Transcode::light() {
  if (!light_) light_ = light_of(input_, video_->index);
  return *light_;
}

Result<std::shared_ptr<const Script>> Transcode::script_for(const BurntSubtitles& wanted) {
  using Shared = std::shared_ptr<const Script>;
  const auto once = [](auto& known, const auto& key, const auto& read) -> Result<Shared> {
    if (const auto found = known.find(key); found != known.end()) return found->second;
    auto script = read();
    if (!script) return std::unexpected(script.error());
    return known[key] = std::make_shared<const Script>(std::move(*script));
  };
  if (!wanted.file.empty()) {
    return once(file_scripts_, wanted.file,
                [&] { return read_script(files_, wanted.file, origin_); });
  }
  const auto stream = script_stream(source_, wanted);
  if (!stream) return std::unexpected(stream.error());
  return once(stream_scripts_, *stream, [&] {
    return job_.segment ? reopen_script(files_, script_name(*stream))
                        : read_script(input_, *stream, zero_);
  });
}

Result<Drawings> Transcode::drawings_for(const VideoSettings& settings, const Span& span) {
  Drawings drawings;
  auto overlays = overlays_of(settings.options.watermarks, settings.size,
                              Finisher::takes(settings, true).format, settings.colour, images_);
  if (!overlays) return std::unexpected(overlays.error());
  drawings.overlays = std::move(*overlays);
  if (const auto& wanted = settings.options.subtitles) {
    auto script = script_for(*wanted);
    if (!script) return std::unexpected(script.error());
    const SubtitleGround ground{.size = settings.size,
                                .shown = {video_->width, video_->height},
                                .stored = {video_->coded_width, video_->coded_height},
                                .shift = span.start};
    auto painter = open_painter(std::move(*script), *wanted, ground);
    if (!painter) return std::unexpected(painter.error());
    drawings.subtitles = std::move(*painter);
  }
  return drawings;
}

void Transcode::open_branches(const Plan& plan) {
  for (const auto& planned : plan.video) {
    if (is_elsewhere(planned)) {
      branch_errors_.emplace_back();
      branches_.emplace_back();
      continue;
    }
    VideoBranch* parent =
        planned.parent ? branches_[static_cast<std::size_t>(*planned.parent)].get() : nullptr;
    auto branch = make_branch(planned, parent);
    branch_errors_.push_back(branch ? std::nullopt : std::optional(branch.error()));
    branches_.push_back(branch ? std::move(*branch) : nullptr);
    if (branches_.back() && parent == nullptr) roots_.push_back(branches_.back().get());
  }
}

Status Transcode::open_video_decoder() {
  const AVStream& stream = input_.stream(video_->index);
  // Stills have no wish of their own.
  const bool stills = std::ranges::any_of(job_.outputs, takes_pictures);
  const Deinterlace first = roots_.empty() || stills
                                ? Deinterlace::kAuto
                                : roots_.front()->settings().options.deinterlace;
  uprights_.emplace(orientation_of(stream), first,
                    [this](const AVFrame& frame) { return on_picture(frame); });
  for (VideoBranch* root : roots_) uprights_->add(*root);
  // Encoders keep the cores busy; a decoder with threads of its own only pays when they don't.
  const int threads =
      static_cast<int>(branches_.size()) >= job_.threads ? 1 : std::max(1, job_.threads);
  auto decoder = VideoDecoder::open(stream, threads, zero_, [this](const FramePtr& frame) {
    return reaches(*frame) ? uprights_->push(frame) : Status();
  });
  if (!decoder) return std::unexpected(decoder.error());
  video_decoder_ = std::move(*decoder);
  return {};
}

}  // namespace telecine::media
