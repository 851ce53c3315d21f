#include "task/output.h"

#include <algorithm>

#include "base/text.h"
#include "task/carrier.h"
#include "task/packaging.h"

namespace telecine {
namespace {

constexpr Millis kUsualSpriteEvery = 10'000;

bool is_name(std::string_view text) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

void read_part_of_source(ObjectReader& in, OutputSpec& spec) {
  spec.start = to_millis(in.number("start", -kMaxSeconds, kMaxSeconds).value_or(0));
  spec.end = to_millis(in.number("end", -kMaxSeconds, kMaxSeconds).value_or(0));
  // Times on different sides can only be compared once the source's length is known.
  const bool comparable = spec.end != 0 && (spec.start < 0) == (spec.end < 0);
  if (comparable && spec.end <= spec.start) in.refuse("end", "must be after start");
}

void write_part_of_source(json::object& o, const OutputSpec& spec) {
  if (spec.start != 0) o["start"] = to_seconds(spec.start);
  if (spec.end != 0) o["end"] = to_seconds(spec.end);
}

void refuse_misfit(ObjectReader& in, const OutputSpec& spec, const Rendition& rendition,
                   const std::string& path) {
  auto problem = misfit(rendition, carrier_of(spec));
  if (!problem) return;
  const std::string field = path.empty() ? problem->field : path + "." + problem->field;
  in.refuse(Error{ErrorCode::kInvalidParameter, problem->message, field});
}

/// What a request leaves unsaid of one kind of stream: none where the carrier holds none, else the
/// carrier's usual codec.
template <typename Codec>
void add_default(json::object& rendition, std::string_view kind, std::span<const Codec> codecs) {
  auto& part = rendition[kind];
  if (part.is_null() && codecs.empty()) part = false;
  if (part.is_null()) part = json::object();
  auto* options = part.if_object();
  if (options == nullptr || codecs.empty() || options->contains("codec")) return;
  (*options)["codec"] = name_of(codecs.front());
}

void add_carrier_defaults(json::object& rendition, const OutputSpec& spec) {
  const Carrier& carrier = carrier_of(spec);
  add_default(rendition, "video", carrier.video);
  add_default(rendition, "audio", carrier.audio);
}

void read_cut(ObjectReader& in, OutputSpec& spec) {
  const bool is_given = in.has("cut");
  spec.cut = in.choice<Cut>("cut").value_or(spec.cut);
  const bool cuts_copies = (spec.start != 0 || spec.end != 0) && !spec.renditions.empty() &&
                           copies(spec.renditions.front());
  if (is_given && !cuts_copies) in.refuse("cut", "is about parts (start, end) that are copied");
}

void refuse_copied_part(ObjectReader& in, const OutputSpec& spec) {
  if (spec.start == 0 && spec.end == 0) return;
  if (std::ranges::any_of(spec.renditions, copies)) {
    in.refuse("start", "a part of a ladder is encoded anew: no stream of it can be copied");
  }
}

/// The one rendition of a video output stands inline: its fields are `video` and `audio`.
void read_inline_rendition(ObjectReader& in, OutputSpec& spec) {
  json::object inner;
  for (const char* key : {"video", "audio"}) {
    if (const auto* value = in.any(key)) inner[key] = *value;
  }
  add_carrier_defaults(inner, spec);
  auto rendition = rendition_from(inner, in.path_of(""));
  if (!rendition) {
    Error error = rendition.error();
    const auto doubled = error.field.find("..");
    if (doubled != std::string::npos) error.field.erase(doubled, 1);
    if (error.field.starts_with('.')) error.field.erase(0, 1);
    in.refuse(error);
    return;
  }
  spec.renditions = {*rendition};
  std::string path = in.path_of("");
  if (path.ends_with('.')) path.pop_back();
  refuse_misfit(in, spec, *rendition, path);
}

void read_ladder(ObjectReader& in, OutputSpec& spec) {
  constexpr std::size_t kMaxRenditions = 16;
  const auto* list = in.array("renditions", kMaxRenditions);
  if (list == nullptr || list->empty()) {
    in.refuse("renditions", "an hls output needs a list of 1 to 16 renditions");
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string path = in.path_of("renditions") + "[" + std::to_string(i) + "]";
    auto rendition = rendition_from((*list)[i], path);
    if (!rendition) {
      in.refuse(rendition.error());
      return;
    }
    if (rendition->name.empty()) rendition->name = "v" + std::to_string(i);
    const auto same = [&](const Rendition& r) { return r.name == rendition->name; };
    if (std::ranges::any_of(spec.renditions, same)) {
      in.refuse(
          Error{ErrorCode::kInvalidParameter, "two renditions have this name", path + ".name"});
    }
    if (rendition->video) {
      // Variants must switch at the same instants: keyframes on a fixed grid only.
      rendition->video->scene_cuts = false;
      if (rendition->video->gop == 0) rendition->video->gop = 2000;
    }
    refuse_misfit(in, spec, *rendition, path);
    spec.renditions.push_back(*rendition);
  }
}

}  // namespace

json::object to_json(const OutputSpec& spec) {
  json::object o;
  o["name"] = spec.name;
  o["type"] = name_of(spec.type);
  switch (spec.type) {
    case OutputType::kVideo: {
      o["container"] = name_of(spec.container);
      json::object rendition = to_json(spec.renditions.at(0));
      o["video"] = rendition["video"];
      o["audio"] = rendition["audio"];
      write_part_of_source(o, spec);
      if (spec.cut != Cut::kExact) o["cut"] = name_of(spec.cut);
      write_packaging(o, spec);
      break;
    }
    case OutputType::kHls: {
      o["segment"] = to_seconds(spec.segment);
      o["segments"] = name_of(spec.segments);
      json::array list;
      for (const Rendition& r : spec.renditions) list.emplace_back(to_json(r));
      o["renditions"] = std::move(list);
      write_part_of_source(o, spec);
      write_packaging(o, spec);
      break;
    }
    case OutputType::kCover:
      o["at"] = position_json(spec.still.at);
      write_still(o, spec.still);
      break;
    case OutputType::kSnapshots:
      write_sampling(o, spec.sampling);
      write_still(o, spec.still);
      break;
    case OutputType::kSprites:
      write_sampling(o, spec.sampling);
      write_grid(o, spec.sprites);
      write_still_encoding(o, spec.still);
      break;
    case OutputType::kSubtitles:
      write_packaging(o, spec);
      break;
    case OutputType::kDocument:
      break;
  }
  return o;
}

Result<OutputSpec> output_spec_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  OutputSpec spec;
  if (const auto word = in.text("type")) {
    const auto type = value_named<OutputType>(*word);
    if (type && *type != OutputType::kDocument)
      spec.type = *type;
    else
      in.refuse("type", "must be video, hls, cover, snapshots, sprites or subtitles, not \"" +
                            *word + "\"");
  }
  spec.name = in.text("name", 64).value_or(std::string(name_of(spec.type)));
  if (!is_name(spec.name)) in.refuse("name", "must be 1 to 64 letters, digits, _ or -");
  switch (spec.type) {
    case OutputType::kVideo:
      spec.container = in.choice<Container>("container").value_or(spec.container);
      read_inline_rendition(in, spec);
      read_packaging(in, spec);
      read_part_of_source(in, spec);
      read_cut(in, spec);
      break;
    case OutputType::kHls:
      spec.segment = to_millis(in.number("segment", 1, 60).value_or(6.0));
      spec.segments = in.choice<SegmentFormat>("segments").value_or(spec.segments);
      read_ladder(in, spec);
      read_packaging(in, spec);
      read_part_of_source(in, spec);
      refuse_copied_part(in, spec);
      break;
    case OutputType::kCover:
      spec.still = read_still(in);
      spec.still.at = read_position(in);
      break;
    case OutputType::kSnapshots:
      spec.still = read_still(in);
      spec.sampling = read_sampling(in, 0);
      break;
    case OutputType::kSprites:
      spec.sprites = read_grid(in);
      read_still_encoding(in, spec.still);
      spec.sampling = read_sampling(in, kUsualSpriteEvery);
      break;
    case OutputType::kSubtitles:
      read_packaging(in, spec);
      break;
    case OutputType::kDocument:
      break;  // refused above
  }
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return spec;
}

json::object to_json(const Error& error) {
  json::object o;
  o["code"] = name_of(error.code);
  o["message"] = error.message;
  if (!error.field.empty()) o["field"] = error.field;
  return o;
}

Error error_from(const json::value& value) {
  const LooseReader in(value);
  return {error_code_named(in.text("code")), in.text("message"), in.text("field")};
}

json::object to_json(const OutputFile& file) {
  return {{"name", file.name},
          {"url", file.url},
          {"type", file.type},
          {"size", file.size},
          {"md5", file.md5}};
}

OutputFile output_file_from(const json::value& value) {
  const LooseReader in(value);
  return {in.text("name"), in.text("url"), in.text("type"), in.integer("size"), in.text("md5")};
}

json::object to_json(const Output& output) {
  json::object o;
  o["name"] = output.name;
  o["type"] = name_of(output.type);
  o["state"] = name_of(output.state);
  o["progress"] = output.progress;
  if (output.error) o["error"] = to_json(*output.error);
  json::array files;
  for (const OutputFile& file : output.files) files.emplace_back(to_json(file));
  o["files"] = std::move(files);
  if (output.facts) o["facts"] = to_json(*output.facts);
  if (output.type == OutputType::kHls || !output.rendition_facts.empty()) {
    json::array list;
    for (const MediaFacts& facts : output.rendition_facts) list.emplace_back(to_json(facts));
    o["renditions"] = std::move(list);
  }
  if (!output.notes.empty()) {
    json::array notes;
    for (const std::string& note : output.notes) notes.emplace_back(note);
    o["notes"] = std::move(notes);
  }
  return o;
}

Output output_from(const json::value& value) {
  const LooseReader in(value);
  Output output;
  output.name = in.text("name");
  output.type = value_named<OutputType>(in.text("type")).value_or(output.type);
  output.state = value_named<OutputState>(in.text("state")).value_or(output.state);
  output.progress = in.number("progress");
  if (const auto* e = in.at("error")) output.error = error_from(*e);
  for (const auto& item : in.list("files")) output.files.push_back(output_file_from(item));
  if (const auto* facts = in.at("facts")) output.facts = media_facts_from(*facts);
  for (const auto& item : in.list("renditions")) {
    output.rendition_facts.push_back(media_facts_from(item));
  }
  for (const auto& note : in.list("notes")) {
    if (note.is_string()) output.notes.emplace_back(note.get_string());
  }
  return output;
}

}  // namespace telecine
