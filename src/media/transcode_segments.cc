// What a transcode of one segment of a source, and the one that joins them, do otherwise.

#include <algorithm>

#include "media/transcode.h"

namespace telecine::media {
namespace {

// Beside a segment, for what depends on the pictures around: those before are from the last
// keyframe that comes so much earlier, with a telecine to find its cadence by, which goes on where
// it could not be found; those behind are as many as that is sought in.
constexpr Ticks kRunUp = kTicksPerSecond / 2;
constexpr Ticks kFilmRunUp = 4 * kTicksPerSecond;
constexpr Ticks kRunOut = 3 * kTicksPerSecond / 2;

/// Whether its pictures only come out the same when those before and behind them are known.
bool looks_around(const PlannedVideo& planned, const VideoFacts& source) {
  const VideoOptions& options = planned.settings.options;
  const bool changes_rate = planned.rate_limit > 0 || options.frame_rate > 0;
  const bool deinterlaces = options.deinterlace == Deinterlace::kOn ||
                            (options.deinterlace == Deinterlace::kAuto && source.is_interlaced());
  return changes_rate || deinterlaces;
}

// Of a source that says it lasts for days, too.
constexpr Ticks kMostSegments = 4000;

// A cut is no nearer than this to where a part begins or ends: whose picture one there is depends
// on its neighbours.
constexpr Ticks kEdge = kTicksPerSecond / 2;

/// What encodes take of a source that ends at `end`, in order; together what is not far apart.
std::vector<Span> regions_of(std::vector<Span> spans, Ticks end, Ticks far) {
  std::ranges::sort(spans, {}, &Span::start);
  std::vector<Span> regions;
  for (Span& span : spans) {
    span.end = std::min(span.end, end);
    if (regions.empty() || span.start - regions.back().end > far)
      regions.push_back(span);
    else
      regions.back().end = std::max(regions.back().end, span.end);
  }
  return regions;
}

bool is_at_edge(Ticks cut, const std::vector<Span>& spans) {
  const auto is_near = [cut](Ticks edge) { return std::abs(cut - edge) < kEdge; };
  return std::ranges::any_of(
      spans, [&](const Span& span) { return is_near(span.start) || is_near(span.end); });
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

std::vector<Segment> Transcode::find_segments(Millis length) {
  const auto [source, plan] = make_plan();
  if (plan.video.empty() || !input_.seeks_exactly()) return {};
  std::vector<Span> spans;
  for (const PlannedVideo& one : plan.video) {
    spans.push_back(span_of(one.part));
    const auto& subtitles = one.settings.options.subtitles;
    if (subtitles && subtitles->file.empty() && !script_for(*subtitles)) return {};
  }
  const Ticks end = declared_ > 0 ? declared_ : ms_to_ticks(source_.duration) + origin_;
  const Ticks step = std::max(ms_to_ticks(length), end / kMostSegments);
  std::vector<Segment> found;
  for (const Span& region : regions_of(spans, end, step)) {
    Segment segment;
    if (!found.empty()) {
      const auto key = keyframe_before(region.start);
      if (!key) return {};
      segment.from = *key;
      if (*key < found.back().to || *key > region.start) {
        segment.from = found.back().from;
        found.pop_back();
      }
    }
    const auto cuts = cuts_in(region, step, spans);
    if (!cuts) return {};
    for (const Ticks cut : *cuts) {
      found.push_back({segment.from, cut});
      segment.from = cut;
    }
    segment.to = region.end + kRunOut;
    found.push_back(segment);
  }
  found.back().to = Segment{}.to;
  return found.size() > 1 ? found : std::vector<Segment>();
}

std::optional<Ticks> Transcode::keyframe_before(Ticks at) {
  const int index = video_->index;
  const AVRational base = input_.stream(index).time_base;
  if (!input_.seek(index, av_rescale_q(at + zero_, kTicks, base))) return std::nullopt;
  const auto found = input_.next_keyframe(index);
  if (!found) return std::nullopt;
  return to_ticks(*found, base) - zero_;
}

/// Keyframes about a step apart. None where one cannot be read, but for a damaged source that is
/// wanted as far as it goes: what is behind that is one segment.
std::optional<std::vector<Ticks>> Transcode::cuts_in(const Span& region, Ticks step,
                                                     const std::vector<Span>& spans) {
  std::vector<Ticks> cuts;
  for (Ticks wanted = region.start + step; wanted < region.end - step / 2; wanted += step) {
    // The last keyframe before this, so that the nearest one is mostly found.
    const auto cut = keyframe_before(wanted + step / 4);
    if (!cut && job_.accept_damaged) break;
    if (!cut) return std::nullopt;
    const Ticks last = cuts.empty() ? region.start : cuts.back();
    // Where keyframes are rare, segments are long.
    if (*cut - last >= step / 2 && !is_at_edge(*cut, spans)) cuts.push_back(*cut);
  }
  return cuts;
}

Result<std::vector<MadeOutput>> Transcode::write_scripts() {
  std::vector<MadeOutput> made;
  for (const auto& [stream, script] : stream_scripts_) {
    auto file = write_script(files_, script_name(stream), *script);
    if (!file) return std::unexpected(file.error());
    made.emplace_back().files.push_back(std::move(*file));
  }
  return made;
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
  const bool depends = video_ != nullptr && std::ranges::any_of(plan.video, [&](const auto& one) {
                         return looks_around(one, *video_);
                       });
  if (depends) run_up_ = telecined_.value_or(false) ? kFilmRunUp : kRunUp;
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
  if (job_.segment->from <= 0) return {};
  const Ticks from = std::max<Ticks>(0, job_.segment->from - run_up_);
  if (video_ == nullptr) return fail(ErrorCode::kInternal, "a segment of no pictures");
  const int index = video_->index;
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
  if (video_ != nullptr && !plan.copies_video) {
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
