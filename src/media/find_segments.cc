// How a transcode finds the segments that a long source can be encoded in.

#include <algorithm>

#include "media/transcode.h"

namespace telecine::media {
namespace {

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

}  // namespace

std::vector<Segment> Transcode::find_segments(Millis length, const KeyframeIndex::Heard& heard) {
  const auto [source, plan] = make_plan();
  if (plan.video.empty()) return {};
  std::vector<Span> spans;
  for (const PlannedVideo& one : plan.video) {
    spans.push_back(span_of(one.part));
    const auto& subtitles = one.settings.options.subtitles;
    if (subtitles && subtitles->file.empty() && !script_for(*subtitles)) return {};
  }
  if (!input_.seeks_exactly()) {
    const auto uses_it = [this](const AVStream& stream) { return uses(stream); };
    index_ = KeyframeIndex::read(input_, video_->index, zero_, uses_it, heard);
    if (!index_) return {};
  }
  const Ticks declared = declared_ > 0 ? declared_ : ms_to_ticks(source_.duration) + origin_;
  const Ticks end = index_ ? index_->end() : declared;
  set_run_up(plan);
  const Ticks step = std::max(ms_to_ticks(length), end / kMostSegments);
  auto found = segments_in(regions_of(spans, end, step), step, spans);
  if (!index_) return found;
  for (Segment& segment : found) {
    segment.way = index_->way(std::max<Ticks>(0, segment.from) - run_up_, segment.to);
  }
  return found;
}

/// Nothing where a keyframe cannot be read.
std::vector<Segment> Transcode::segments_in(const std::vector<Span>& regions, Ticks step,
                                            const std::vector<Span>& spans) {
  std::vector<Segment> found;
  for (const Span& region : regions) {
    Segment segment;
    // The first one is read from the start of the file, or where an index leads to.
    if (!found.empty() || (index_ && region.start > 0)) {
      const auto key = keyframe_before(region.start);
      if (!key) return {};
      segment.from = *key;
      const bool is_reached = !found.empty() && *key < found.back().to;
      if (is_reached || (!found.empty() && *key > region.start)) {
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
  if (!found.empty()) found.back().to = Segment{}.to;
  return found;
}

std::optional<Ticks> Transcode::keyframe_before(Ticks at) {
  if (index_) return index_->before(at);
  const int index = video_->index;
  const AVRational base = input_.stream(index).time_base;
  for (int tries = 0; tries < KeyframeIndex::kTries && at > 0; ++tries) {
    if (!input_.seek(index, av_rescale_q(at + zero_, kTicks, base))) return std::nullopt;
    const auto found = input_.next_keyframe(index);
    if (!found) return std::nullopt;
    const Ticks shown = to_ticks(*found, base) - zero_;
    if (begins_undamaged()) return shown;
    at = std::min(at, shown) - kTicksPerSecond / 2;
  }
  return 0;
}

/// Whether the keyframe that is read next is whole. What one pass makes up for a damaged one out of
/// the pictures before would be lacking.
bool Transcode::begins_undamaged() {
  bool is_first = true;
  bool is_whole = false;
  auto decoder = VideoDecoder::open(input_.stream(video_->index), 1, zero_,
                                    [&](const FramePtr& frame) -> Status {
                                      if (std::exchange(is_first, false))
                                        is_whole = is_undamaged(*frame);
                                      return {};
                                    });
  if (!decoder) return false;
  for (int packets = 0; packets < kMostHeldBack && is_first;) {
    const PacketPtr packet = input_.read();
    if (!packet) break;
    if (packet->stream_index != video_->index) continue;
    if (!decoder->decode(*packet)) return false;
    ++packets;
  }
  return decoder->finish() && is_whole;
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
    const bool is_far = *cut - last >= step / 2 && !is_at_edge(*cut, spans);
    if (is_far && (!index_ || index_->is_near_start(*cut - run_up_))) cuts.push_back(*cut);
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

}  // namespace telecine::media
