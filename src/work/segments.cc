#include "work/segments.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace telecine {
namespace {

bool is_encoded(const Rendition& rendition) {
  if (!rendition.video) return false;
  const VideoCodec codec = rendition.video->codec;
  return codec != VideoCodec::kCopy && codec != VideoCodec::kGif && codec != VideoCodec::kWebp;
}

}  // namespace

bool is_segmentable(const OutputSpec& spec) {
  return std::ranges::any_of(spec.renditions, is_encoded);
}

UnitShare share_of(const json::object& payload) {
  const LooseReader in(payload);
  UnitShare share;
  share.index = in.small("index");
  share.count = in.small("count");
  share.others = in.flag("others");
  if (const auto* segment = in.at("segment")) share.segment = segment_from(*segment);
  share.segments = segments_from(in.list("segments"));
  if (const auto* found = in.at("found")) share.found = findings_from(*found);
  return share;
}

bool are_segments(const std::vector<media::Segment>& segments) {
  constexpr std::size_t kMost = 10'000;
  constexpr std::size_t kMostWaypoints = 20'000;  // of all
  std::size_t waypoints = 0;
  for (const media::Segment& one : segments) waypoints += one.way.size();
  const auto is_empty = [](const media::Segment& one) { return one.from >= one.to; };
  const auto is_far = [](const media::Segment& one) {
    return std::ranges::any_of(one.way, [](const media::Waypoint& point) {
      return point.position < 0 || std::abs(point.jump) > media::kMostTicks;
    });
  };
  const auto overlap = [](const media::Segment& one, const media::Segment& next) {
    return next.from < one.to;
  };
  return !segments.empty() && segments.size() <= kMost && waypoints <= kMostWaypoints &&
         std::ranges::none_of(segments, is_empty) && std::ranges::none_of(segments, is_far) &&
         std::ranges::adjacent_find(segments, overlap) == segments.end();
}

std::vector<NewUnit> segment_units(const json::object& payload, const media::Made& found,
                                   bool others) {
  std::vector<NewUnit> units;
  const auto add = [&](UnitKind kind) -> json::object& {
    json::object& own = units.emplace_back(kind, payload).payload;
    own["count"] = static_cast<int>(found.segments.size());
    own["found"] = to_json(found.found);
    return own;
  };
  for (std::size_t i = 0; i < found.segments.size(); ++i) {
    json::object& own = add(UnitKind::kEncode);
    own["index"] = static_cast<int>(i);
    own["segment"] = to_json(found.segments[i]);
  }
  if (others) units.emplace_back(UnitKind::kEncode, payload).payload["others"] = true;
  add(UnitKind::kPackage)["segments"] = to_json(found.segments);
  units.back().waits = true;
  return units;
}

std::string segment_name(int index) {
  return kSegmentNames + std::to_string(index);
}

json::object files_part(const std::vector<media::MadeOutput>& made) {
  json::object urls;
  json::array notes;
  for (const media::MadeOutput& one : made) {
    if (one.error) continue;
    for (const OutputFile& file : one.files) urls[file.name] = file.url;
    for (const std::string& note : one.notes) notes.emplace_back(note);
  }
  if (urls.empty() && notes.empty()) return {};
  return {{"files", std::move(urls)}, {"notes", std::move(notes)}};
}

json::object segment_part(const std::string& segment,
                          const std::vector<media::MadeOutput>& encodes) {
  json::object urls;
  json::object errors;
  json::array notes;
  for (std::size_t i = 0; i < encodes.size(); ++i) {
    const media::MadeOutput& encode = encodes[i];
    const std::string name = segment + "/" + std::to_string(i);
    if (encode.error)
      errors[name] = to_json(*encode.error);
    else if (!encode.files.empty())
      urls[name] = encode.files.front().url;
    for (const std::string& note : encode.notes) notes.emplace_back(note);
  }
  return {{"segment", segment},
          {"files", std::move(urls)},
          {"errors", std::move(errors)},
          {"notes", std::move(notes)}};
}

int segments_ended(const Parts& parts, std::string_view begin) {
  return static_cast<int>(std::ranges::count_if(parts, [&](const json::object& part) {
    return LooseReader(part).text("segment").starts_with(begin);
  }));
}

std::vector<std::string> notes_of(const Parts& parts, bool with_segments) {
  std::set<std::string> notes;
  for (const json::object& part : parts) {
    const bool is_segment = LooseReader(part).text("segment").starts_with(kSegmentNames);
    if (is_segment && !with_segments) continue;
    for (const json::value& note : LooseReader(part).list("notes")) {
      if (note.is_string()) notes.emplace(note.get_string());
    }
  }
  return {notes.begin(), notes.end()};
}

Result<std::string> left_object(const Parts& parts, const std::string& name) {
  for (const json::object& part : parts) {
    const LooseReader in(part);
    if (const auto* errors = in.at("errors")) {
      if (const auto* error = LooseReader(*errors).at(name)) {
        return std::unexpected(error_from(*error));
      }
    }
    if (const auto* files = in.at("files")) {
      std::string url = LooseReader(*files).text(name);
      if (!url.empty()) return url;
    }
  }
  return fail(ErrorCode::kInternal, "what an earlier unit made is missing: " + name);
}

}  // namespace telecine
