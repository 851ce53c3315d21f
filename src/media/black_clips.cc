#include "media/black_clips.h"

#include <algorithm>
#include <array>

#include "media/drawn_clip.h"
#include "media/one_file.h"
#include "media/pipeline.h"
#include "media/plan_pictures.h"

extern "C" {
#include <libavutil/imgutils.h>
}

namespace telecine::media {
namespace {

Result<FramePtr> black_picture(const VideoSettings& settings) {
  FramePtr frame = make_frame();
  frame->format = pixel_format(settings);
  frame->width = settings.size.width;
  frame->height = settings.size.height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  std::array<std::ptrdiff_t, 4> lines{};
  std::ranges::copy_n(frame->linesize, 4, lines.begin());
  av_image_fill_black(frame->data, lines.data(), static_cast<AVPixelFormat>(frame->format),
                      AVCOL_RANGE_MPEG, frame->width, frame->height);
  return frame;
}

}  // namespace

BlackClips::BlackClips(Job form, const VideoFacts& like, const ColourTags& colour,
                       OutputFiles& files)
    : form_(std::move(form)), files_(files) {
  settings_.options.preset = Preset::kUltrafast;
  settings_.options = normalised(settings_.options, OutputType::kVideo);
  settings_.size = {like.width + like.width % 2, like.height + like.height % 2};
  // A slide show's would make the shortest black too long.
  constexpr double kSlow = 10;
  const AVRational rate = shown_rate(like);
  settings_.frame_rate = av_q2d(rate) < kSlow ? AVRational{25, 1} : rate;
  settings_.colour = colour;
}

std::int64_t BlackClips::pictures_in(Ticks length) const {
  const AVRational shown = av_inv_q(settings_.frame_rate);
  return std::max<std::int64_t>(1, av_rescale_q_rnd(length, kTicks, shown, AV_ROUND_UP));
}

Result<int> BlackClips::clip(std::int64_t count) {
  Fd& kept = count == kMost ? longest_ : last_;
  if (count == kMost && kept) return kept.get();
  auto made = make(count);
  if (!made) return std::unexpected(made.error());
  kept = std::move(*made);
  return kept.get();
}

Result<Fd> BlackClips::make(std::int64_t count) {
  OneFile drawn(files_, ".joined/drawn-" + std::to_string(count) + ".mp4");
  if (auto ok = draw(drawn, count); !ok) return std::unexpected(ok.error());
  const Fd source = drawn.take();
  OneFile encoded(files_, ".joined/black-" + std::to_string(count) + ".mp4");
  Observer nobody;
  auto made = run(source.get(), form_, encoded, nobody);
  if (!made) return std::unexpected(made.error());
  if (made->outputs.front().error) return std::unexpected(*made->outputs.front().error);
  return encoded.take();
}

Status BlackClips::draw(OutputFiles& files, std::int64_t count) const {
  auto clip = DrawnClip::create(files, "black", settings_, std::nullopt);
  if (!clip) return std::unexpected(clip.error());
  const auto black = black_picture(settings_);
  if (!black) return std::unexpected(black.error());
  const AVRational shown = av_inv_q(settings_.frame_rate);
  for (std::int64_t i = 0; i < count; ++i) {
    FramePtr frame = share(**black);
    frame->pts = av_rescale_q(i, shown, kTicks);
    frame->pkt_duration = av_rescale_q(i + 1, shown, kTicks) - frame->pts;
    if (auto ok = (*clip)->add(std::move(frame)); !ok) return ok;
  }
  return (*clip)->finish();
}

}  // namespace telecine::media
