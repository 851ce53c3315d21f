#include "work/segments.h"

#include <algorithm>

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
  share.segments = in.small("segments");
  share.index = in.small("index");
  share.others = in.flag("others");
  if (in.at("reused") != nullptr) share.reused = reused_from(in.list("reused"));
  if (in.at("from") != nullptr) share.segment = {in.integer("from"), in.integer("to")};
  return share;
}

json::array to_json(const std::vector<media::Reused>& reused) {
  json::array list;
  for (const media::Reused& one : reused) {
    list.emplace_back(json::array{one.output, one.rendition, one.track});
  }
  return list;
}

std::vector<media::Reused> reused_from(const json::array& list) {
  std::vector<media::Reused> reused;
  for (const json::value& item : list) {
    const auto* one = item.if_array();
    const bool is_one = one != nullptr && one->size() == 3 && (*one)[0].is_string() &&
                        (*one)[1].is_int64() && (*one)[2].is_int64();
    if (!is_one) continue;
    reused.push_back({std::string((*one)[0].get_string()), static_cast<int>((*one)[1].get_int64()),
                      static_cast<int>((*one)[2].get_int64())});
  }
  return reused;
}

std::vector<NewUnit> segment_units(const json::object& payload, const media::Made& found,
                                   bool others) {
  std::vector<NewUnit> units;
  const auto& cuts = found.cuts;
  const int count = static_cast<int>(cuts.size()) + 1;
  media::Segment segment;
  for (int i = 0; i < count; ++i) {
    segment.to = i < count - 1 ? cuts[static_cast<std::size_t>(i)] : media::Segment{}.to;
    NewUnit& unit = units.emplace_back(UnitKind::kEncode, payload);
    unit.payload["segments"] = count;
    unit.payload["index"] = i;
    unit.payload["from"] = segment.from;
    unit.payload["to"] = segment.to;
    unit.payload["reused"] = to_json(found.reused);
    segment.from = segment.to;
  }
  if (others) units.emplace_back(UnitKind::kEncode, payload).payload["others"] = true;
  NewUnit& package = units.emplace_back(UnitKind::kPackage, payload);
  package.payload["segments"] = count;
  package.payload["reused"] = to_json(found.reused);
  package.waits = true;
  return units;
}

json::object segment_part(int index, const std::vector<media::MadeOutput>& encodes) {
  json::array list;
  for (const media::MadeOutput& encode : encodes) {
    if (encode.error || encode.files.empty())
      list.emplace_back(json::object{{"error", to_json(encode.error.value_or(Error{}))}});
    else
      list.emplace_back(json::object{{"url", encode.files.front().url}});
  }
  return {{"segment", index}, {"encodes", std::move(list)}};
}

Result<std::string> segment_object(const std::vector<json::object>& parts, std::string_view name) {
  const auto places = split(name, '/');
  const auto index = places.size() == 3 ? parse_int(places[1]) : std::nullopt;
  const auto encode = places.size() == 3 ? parse_int(places[2]) : std::nullopt;
  for (const json::object& part : parts) {
    const LooseReader in(part);
    if (!index || !encode || in.integer("segment") != *index) continue;
    const json::array& encodes = in.list("encodes");
    if (*encode < 0 || static_cast<std::size_t>(*encode) >= encodes.size()) break;
    const LooseReader found(encodes[static_cast<std::size_t>(*encode)]);
    if (const auto* error = found.at("error")) return std::unexpected(error_from(*error));
    return found.text("url");
  }
  return fail(ErrorCode::kInternal, "a segment is missing");
}

}  // namespace telecine
