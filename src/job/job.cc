#include "job/job.h"

namespace telecine {

json::object to_json(const media::Findings& found) {
  json::array reused;
  for (const media::Reused& one : found.reused) {
    reused.emplace_back(json::array{one.output, one.rendition, one.track});
  }
  json::object o{{"reused", std::move(reused)}, {"duration", found.duration}};
  if (found.telecined) o["telecined"] = *found.telecined;
  return o;
}

media::Findings findings_from(const json::value& value) {
  constexpr std::size_t kMost = 4096;  // more than outputs and tracks can be
  const LooseReader in(value);
  media::Findings found;
  for (const json::value& item : in.list("reused")) {
    if (found.reused.size() == kMost) break;
    const auto* one = item.if_array();
    const bool is_one = one != nullptr && one->size() == 3 && (*one)[0].is_string() &&
                        (*one)[1].is_int64() && (*one)[2].is_int64();
    if (!is_one) continue;
    found.reused.push_back({std::string((*one)[0].get_string()),
                            static_cast<int>((*one)[1].get_int64()),
                            static_cast<int>((*one)[2].get_int64())});
  }
  if (in.at("telecined") != nullptr) found.telecined = in.flag("telecined");
  found.duration = std::clamp<Millis>(in.integer("duration"), 0, media::kMostTicks);
  return found;
}

json::array to_json(const media::Segment& segment) {
  json::array list = {segment.from, segment.to};
  for (const media::Waypoint& point : segment.way) {
    list.emplace_back(json::array{point.position, point.jump});
  }
  return list;
}

std::optional<media::Segment> segment_from(const json::value& value) {
  const auto* list = value.if_array();
  const bool is_one =
      list != nullptr && list->size() >= 2 && (*list)[0].is_int64() && (*list)[1].is_int64();
  if (!is_one) return std::nullopt;
  media::Segment segment{(*list)[0].get_int64(), (*list)[1].get_int64()};
  for (std::size_t i = 2; i < list->size(); ++i) {
    const auto* point = (*list)[i].if_array();
    const bool is_point =
        point != nullptr && point->size() == 2 && (*point)[0].is_int64() && (*point)[1].is_int64();
    if (!is_point) return std::nullopt;
    segment.way.push_back({(*point)[0].get_int64(), (*point)[1].get_int64()});
  }
  return segment;
}

json::array to_json(const std::vector<media::Segment>& segments) {
  json::array list;
  for (const media::Segment& one : segments) list.emplace_back(to_json(one));
  return list;
}

std::vector<media::Segment> segments_from(const json::array& list) {
  std::vector<media::Segment> segments;
  for (const json::value& item : list) {
    if (auto one = segment_from(item)) segments.push_back(std::move(*one));
  }
  return segments;
}

json::array to_json(const std::vector<media::PieceWork>& pieces) {
  json::array list;
  for (const media::PieceWork& work : pieces) {
    list.emplace_back(json::object{{"piece", work.piece},
                                   {"form", to_json(work.form)},
                                   {"size", work.size},
                                   {"duration", work.duration},
                                   {"length", work.length},
                                   {"segments", to_json(work.segments)},
                                   {"found", to_json(work.found)}});
  }
  return list;
}

std::vector<media::PieceWork> piece_works_from(const json::array& list) {
  std::vector<media::PieceWork> pieces;
  for (const json::value& item : list) {
    const LooseReader in(item);
    media::PieceWork& work = pieces.emplace_back();
    work.piece = in.small("piece");
    if (const auto* form = in.at("form")) {
      if (auto spec = output_spec_from(*form, "")) work.form = std::move(*spec);
    }
    work.size = in.integer("size");
    work.duration = in.integer("duration");
    work.length = in.integer("length");
    work.segments = segments_from(in.list("segments"));
    if (const auto* found = in.at("found")) work.found = findings_from(*found);
  }
  return pieces;
}

json::object to_json(const media::Made& made) {
  json::array outputs;
  for (const media::MadeOutput& output : made.outputs) {
    // An output's stored form has all the members; its name and state are the task's to fill.
    Output stored;
    stored.error = output.error;
    stored.files = output.files;
    stored.facts = output.facts;
    stored.rendition_facts = output.rendition_facts;
    stored.notes = output.notes;
    outputs.emplace_back(to_json(stored));
  }
  json::object o{{"source", to_json(made.source)}, {"outputs", std::move(outputs)}};
  if (made.analysis) o["analysis"] = to_json(*made.analysis);
  o["segments"] = to_json(made.segments);
  o["found"] = to_json(made.found);
  o["pieces"] = to_json(made.pieces);
  return o;
}

media::Made made_from(const json::value& value) {
  const LooseReader in(value);
  media::Made made;
  if (const auto* source = in.at("source")) made.source = media_facts_from(*source);
  for (const auto& item : in.list("outputs")) {
    Output stored = output_from(item);
    // Where files lie is for the worker to say.
    for (OutputFile& file : stored.files) file.url = file.md5 = "";
    made.outputs.push_back({std::move(stored.error), std::move(stored.files),
                            std::move(stored.facts), std::move(stored.rendition_facts),
                            std::move(stored.notes)});
  }
  if (const auto* analysis = in.at("analysis")) made.analysis = analysis_facts_from(*analysis);
  made.segments = segments_from(in.list("segments"));
  if (const auto* found = in.at("found")) made.found = findings_from(*found);
  made.pieces = piece_works_from(in.list("pieces"));
  return made;
}

}  // namespace telecine
