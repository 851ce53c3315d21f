// What a transcode of one segment of a source, and the one that joins them, do otherwise.

#include <algorithm>

#include "media/transcode.h"

namespace telecine::media {
namespace {

// Beside a segment, for what depends on the pictures around: those before are from the last
// keyframe that comes so much earlier, with a telecine to find its cadence by, which goes on where
// it could not be found; those behind, kRunOut, are as many as that is sought in.
constexpr Ticks kRunUp = kTicksPerSecond / 2;
constexpr Ticks kFilmRunUp = 4 * kTicksPerSecond;

/// Whether its pictures only come out the same when those before and behind them are known.
bool looks_around(const PlannedVideo& planned, const VideoFacts& source) {
  const VideoOptions& options = planned.settings.options;
  const bool changes_rate = planned.rate_limit > 0 || options.frame_rate > 0;
  const bool deinterlaces = options.deinterlace == Deinterlace::kOn ||
                            (options.deinterlace == Deinterlace::kAuto && source.is_interlaced());
  return changes_rate || deinterlaces;
}

bool meet(const Span& span, const Segment& segment) {
  return segment.from < span.end && segment.to > span.start;
}

}  // namespace

const std::vector<OutputSpec>& Transcode::specs() const {
  return job_.segment ? segment_specs_ : job_.outputs;
}

PictureSource* Transcode::pictures_of(std::size_t encode) const {
  if (!job_.segments.empty()) return joined_[encode].get();
  return branches_[encode].get();
}

/// Whether the segment holds nothing of what an encode takes.
bool Transcode::is_elsewhere(const PlannedVideo& planned) const {
  return job_.segment && !meet(span_of(planned.part), *job_.segment);
}

/// The places of those that hold some of it.
std::vector<std::size_t> Transcode::segments_of(const PlannedVideo& planned) const {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < job_.segments.size(); ++i) {
    if (meet(span_of(planned.part), job_.segments[i])) places.push_back(i);
  }
  return places;
}

void Transcode::set_run_up(const Plan& plan) {
  const bool depends = video_ != nullptr && std::ranges::any_of(plan.video, [&](const auto& one) {
                         return looks_around(one, *video_);
                       });
  if (depends) run_up_ = telecined_.value_or(false) ? kFilmRunUp : kRunUp;
}

/// Pictures alone, and an output for each encode.
void Transcode::reduce_to_segment(Plan& plan) {
  for (const auto& heard : heard_) {
    if (heard) input_.stream(heard->source.stream->index).discard = AVDISCARD_ALL;
  }
  heard_.clear();
  // What the sound says of its length is not looked at here.
  const AVStream* stream = video_ == nullptr ? nullptr : &input_.stream(video_->index);
  const bool knows_its_end = stream != nullptr && stream->duration > 0 && declared_ > 0;
  declared_ =
      knows_its_end ? std::min(declared_, to_ticks(stream->duration, stream->time_base)) : 0;
  plan.audio.clear();
  plan.copies_video = false;
  set_run_up(plan);
  plan.outputs.clear();
  for (std::size_t i = 0; i < plan.video.size(); ++i) {
    OutputSpec& spec = segment_specs_.emplace_back();
    spec.name = std::to_string(i);
    spec.renditions.emplace_back();
    PlannedOutput& planned = plan.outputs.emplace_back();
    planned.part = plan.video[i].part;
    if (is_elsewhere(plan.video[i])) continue;
    planned.renditions.emplace_back().video = static_cast<int>(i);
  }
}

Status Transcode::go_to_segment() {
  const auto& way = job_.segment->way;
  const bool begins_file = way.empty() ? job_.segment->from <= 0 : way.front().position <= 0;
  if (begins_file) return {};
  const Ticks from = std::max<Ticks>(0, job_.segment->from - run_up_);
  if (video_ == nullptr) return fail(ErrorCode::kInternal, "a segment of no pictures");
  const int index = video_->index;
  if (!way.empty()) {
    if (input_.go_to_keyframe(index, way.front().position)) return {};
    return fail(ErrorCode::kInternal, "a segment is not where it was in the source any more");
  }
  const AVRational base = input_.stream(index).time_base;
  const std::int64_t wanted = av_rescale_q(from + zero_, kTicks, base);
  if (input_.seek(index, wanted)) {
    const auto at = input_.next_keyframe(index);
    if (at && to_ticks(*at, base) - zero_ <= from) return {};
  }
  if (input_.seek_before(index, ticks_to_ms(from - origin_))) return {};
  return fail(ErrorCode::kInternal, "a segment cannot be found in the source any more");
}

/// The segment, on the clock of an output that takes a span.
Span Transcode::window_in(const Span& span) const {
  if (!job_.segment) return {.start = INT64_MIN};
  const auto on_it = [&](Ticks at) {
    return at == INT64_MIN || at == kForever ? at : at - span.start;
  };
  return {on_it(job_.segment->from), on_it(job_.segment->to)};
}

Ticks Transcode::segment_reach() const {
  const Ticks to = job_.segment->to;
  return run_up_ > 0 && to < kForever - kRunOut ? to + kRunOut : to;
}

/// Whether a picture is looked at for the segment.
bool Transcode::reaches(const AVFrame& frame) const {
  if (!job_.segment) return true;
  const Ticks slack = std::min(ms_to_ticks(2), frame.pkt_duration / 2);
  const Ticks at = frame.pts + std::max<Ticks>(0, slack);
  return (run_up_ > 0 || at >= job_.segment->from) && at < segment_reach();
}

// What is decoded before and after a segment is another one's.
bool Transcode::counts(const AVPacket& packet) const {
  const std::int64_t time = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (!job_.segment || time == AV_NOPTS_VALUE) return true;
  const Ticks at = to_ticks(time, input_.stream(packet.stream_index).time_base) - zero_;
  return at >= job_.segment->from && at < job_.segment->to;
}

void Transcode::open_segments(const Plan& plan) {
  decodes_video_ = false;
  // Where clocks may leap, those of sound and pictures are kept together by reading both.
  if (video_ != nullptr && !plan.copies_video && !clocks_.may_leap()) {
    input_.stream(video_->index).discard = AVDISCARD_ALL;
  }
  for (std::size_t i = 0; i < plan.video.size(); ++i) {
    auto joined = JoinedSegments::open(files_, i, segments_of(plan.video[i]),
                                       span_of(plan.video[i].part).start);
    branch_errors_.push_back(joined ? std::nullopt : std::optional(joined.error()));
    joined_.push_back(joined ? std::move(*joined) : nullptr);
  }
}

Status Transcode::pump_segments(Ticks until) {
  for (auto& joined : joined_) {
    if (!joined) continue;
    auto ok = joined->pump(until);
    if (ok) continue;
    // What is gone or torn may be whole another time; an encode that failed stays so.
    if (ok.error().code == ErrorCode::kInternal) return ok;
    joined->give_up(ok.error());
  }
  return {};
}

Status Transcode::finish_segment(Work& work) {
  if (work.targets.empty()) return {};
  const Target& target = work.targets.front();
  target.segment->note(*target.video, video_decoder_->tally());
  if (auto ok = target.muxer->finish(); !ok) return ok;
  OutputFile file;
  file.name = work.spec->name;
  file.type = "application/octet-stream";
  file.size = target.segment->bytes();
  work.made.files.push_back(std::move(file));
  return {};
}

}  // namespace telecine::media
