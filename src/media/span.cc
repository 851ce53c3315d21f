#include "media/span.h"

#include <algorithm>
#include <cstdio>

namespace telecine::media {
namespace {

// A piece of a picture at the edge of a span that is no longer than this does not count unless it
// is most of the picture: half of one at 10 frames a second.
constexpr Ticks kShortPiece = kTicksPerSecond / 20;

std::string time_text(Millis at) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(at) / 1000);
  return text;
}

}  // namespace

Result<Part> part_of(const OutputSpec& spec, Millis duration) {
  Part part{spec.start, spec.end};
  if (part.is_whole()) return part;
  if (duration <= 0 && (part.start < 0 || part.end < 0)) {
    return fail(ErrorCode::kUnsupported,
                "the source does not say how long it is: no part can be counted from its end");
  }
  if (part.start < 0) part.start = std::max<Millis>(0, duration + part.start);
  if (part.end < 0) part.end = std::max<Millis>(1, duration + part.end);
  if (duration > 0 && part.start >= duration) {
    return fail(ErrorCode::kUnsupported, "the part begins at " + time_text(part.start) +
                                             ", but the source lasts " + time_text(duration));
  }
  if (part.end > 0 && part.end <= part.start) {
    return fail(ErrorCode::kUnsupported, "the part ends at " + time_text(part.end) +
                                             ", before it begins at " + time_text(part.start));
  }
  if (duration > 0 && part.end >= duration) part.end = 0;
  return part;
}

bool is_before(const Span& span, Ticks at, Ticks shown) {
  return at + shown / 2 < span.start && at + shown - span.start <= kShortPiece;
}

bool is_behind(const Span& span, Ticks at, Ticks shown) {
  return at + shown / 2 >= span.end && span.end - at <= kShortPiece;
}

std::vector<FramePtr> PictureCut::take(FramePtr frame) {
  std::vector<FramePtr> out;
  const Ticks shown = std::max<Ticks>(1, frame->pkt_duration);
  seen_ = std::max(seen_, frame->pts + shown);
  if (is_behind(span_, frame->pts, shown)) return out;
  if (is_before(span_, frame->pts, shown)) {
    before_ = std::move(frame);
    return out;
  }
  const Ticks late = frame->pts - span_.start;
  const bool has_gap = late > 0 && before_ != nullptr;
  if (!begun_ && has_gap && late > kShortPiece) {
    // Nothing said so, but the picture before is still there.
    before_->pts = 0;
    before_->pkt_duration = late;
    out.push_back(std::move(before_));
  } else if (!begun_ && (late < 0 || has_gap)) {
    frame->pts = span_.start;
    frame->pkt_duration = shown + late;
  }
  begun_ = true;
  before_.reset();
  frame->pkt_duration = std::min(frame->pkt_duration, span_.end - frame->pts);
  frame->pts -= span_.start;
  out.push_back(std::move(frame));
  return out;
}

std::vector<FramePtr> PictureCut::finish() {
  std::vector<FramePtr> out;
  if (begun_ || !before_) return out;
  if (span_.end != kForever) {
    before_->pkt_duration = span_.end - span_.start;
    seen_ = std::max(seen_, span_.end);
  }
  before_->pts = 0;
  out.push_back(std::move(before_));
  return out;
}

Ticks PictureCut::reached() const {
  return std::max<Ticks>(0, std::min(seen_, span_.end) - span_.start);
}

Result<FramePtr> cut_sound(const AVFrame& frame, const Span& span, Ticks& at) {
  const std::int64_t rate = frame.sample_rate;
  const auto samples_until = [&](Ticks moment) {
    const Ticks length = moment == kForever ? kForever : moment - at;
    if (length >= av_rescale(frame.nb_samples, kTicksPerSecond, rate)) return frame.nb_samples;
    return static_cast<int>(av_rescale(std::max<Ticks>(0, length), rate, kTicksPerSecond));
  };
  const int skip = samples_until(span.start);
  const int count = samples_until(span.end) - skip;
  if (count <= 0) return FramePtr();
  at += av_rescale(skip, kTicksPerSecond, rate) - span.start;
  if (count == frame.nb_samples) return share(frame);
  FramePtr piece = make_frame();
  piece->format = frame.format;
  piece->sample_rate = frame.sample_rate;
  piece->nb_samples = count;
  if (av_channel_layout_copy(&piece->ch_layout, &frame.ch_layout) < 0 ||
      av_frame_get_buffer(piece.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  av_samples_copy(piece->extended_data, frame.extended_data, 0, skip, count,
                  frame.ch_layout.nb_channels, static_cast<AVSampleFormat>(frame.format));
  return piece;
}

}  // namespace telecine::media
