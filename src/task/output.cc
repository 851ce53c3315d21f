#include "task/output.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace telecine {
namespace {

bool is_name(std::string_view text) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

void read_position(ObjectReader& in, Position& at) {
  const auto* value = in.any("at");
  if (value == nullptr) {
    at.percent = 10;
    return;
  }
  if (value->is_number()) {
    const double seconds = value->to_number<double>();
    if (seconds < 0 || seconds > 604'800)
      in.refuse("at", "must be from 0 to 604800 seconds");
    else
      at.time = std::llround(seconds * 1000);
    return;
  }
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    if (text.ends_with('%')) at.percent = parse_double(text.substr(0, text.size() - 1));
    if (at.percent && *at.percent >= 0 && *at.percent <= 100) return;
  }
  in.refuse("at", "must be seconds (3.5) or a share of the duration (\"10%\")");
}

StillOptions read_still(ObjectReader& in) {
  StillOptions still;
  read_position(in, still.at);
  constexpr int kMaxSide = 8192;
  still.size.width = static_cast<int>(in.integer("width", 2, kMaxSide).value_or(0));
  still.size.height = static_cast<int>(in.integer("height", 2, kMaxSide).value_or(0));
  still.size.short_side = static_cast<int>(in.integer("short_side", 2, kMaxSide).value_or(0));
  if (still.size.short_side > 0 && (still.size.width > 0 || still.size.height > 0)) {
    in.refuse("short_side", "give either short_side or width and height, not both");
  }
  still.format = in.choice<ImageFormat>("format").value_or(still.format);
  still.quality = static_cast<int>(in.integer("quality", 1, 100).value_or(still.quality));
  return still;
}

/// The one rendition of a video output stands inline: its fields are `video` and `audio`.
void read_inline_rendition(ObjectReader& in, OutputSpec& spec) {
  json::object inner;
  for (const char* key : {"video", "audio"}) {
    if (const auto* value = in.any(key)) inner[key] = *value;
  }
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
    spec.renditions.push_back(*rendition);
  }
}

json::value position_json(const Position& at) {
  if (at.time) return static_cast<double>(*at.time) / 1000.0;
  std::string text = std::to_string(at.percent.value_or(10));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return json::value(text + "%");
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
      break;
    }
    case OutputType::kHls: {
      o["segment"] = static_cast<double>(spec.segment) / 1000.0;
      json::array list;
      for (const Rendition& r : spec.renditions) list.emplace_back(to_json(r));
      o["renditions"] = std::move(list);
      break;
    }
    case OutputType::kCover:
      o["at"] = position_json(spec.still.at);
      if (spec.still.size.width > 0) o["width"] = spec.still.size.width;
      if (spec.still.size.height > 0) o["height"] = spec.still.size.height;
      if (spec.still.size.short_side > 0) o["short_side"] = spec.still.size.short_side;
      o["format"] = name_of(spec.still.format);
      o["quality"] = spec.still.quality;
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
      in.refuse("type", "must be video, hls or cover, not \"" + *word + "\"");
  }
  spec.name = in.text("name", 64).value_or(std::string(name_of(spec.type)));
  if (!is_name(spec.name)) in.refuse("name", "must be 1 to 64 letters, digits, _ or -");
  switch (spec.type) {
    case OutputType::kVideo:
      spec.container = in.choice<Container>("container").value_or(spec.container);
      read_inline_rendition(in, spec);
      break;
    case OutputType::kHls:
      spec.segment = std::llround(in.number("segment", 1, 60).value_or(6.0) * 1000);
      read_ladder(in, spec);
      break;
    case OutputType::kCover:
      spec.still = read_still(in);
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
  return output;
}

}  // namespace telecine
