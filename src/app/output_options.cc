#include "app/output_options.h"

#include <algorithm>

#include "base/fs.h"
#include "base/text.h"
#include "task/records.h"

namespace telecine::app {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

/// Options that together describe one MP4, and where they stand in its JSON.
struct Shortcut {
  const char* option;
  const char* part;
  const char* field;
  bool text;
};
constexpr Shortcut kShortcuts[] = {
    {"height", "video", "height", false},
    {"width", "video", "width", false},
    {"short-side", "video", "short_side", false},
    {"crf", "video", "crf", false},
    {"bitrate", "video", "bitrate", false},
    {"fps", "video", "max_frame_rate", false},
    {"preset", "video", "preset", true},
    {"audio-bitrate", "audio", "bitrate", false},
    {"fit", "video", "fit", true},
    {"rotate", "video", "rotate", false},
    {"frame-rate", "video", "frame_rate", false},
    {"loudness", "audio", "loudness", false},
};

constexpr const char* kFileOptions[] = {"watermark", "subtitles"};

/// "2M" and "128k" are bit rates in the decimal units of encoders.
std::optional<double> number_of(std::string_view text) {
  double factor = 1;
  if (text.ends_with('k')) factor = 1e3;
  if (text.ends_with('M')) factor = 1e6;
  if (factor > 1) text.remove_suffix(1);
  const auto number = parse_double(text);
  return number ? std::optional(*number * factor) : std::nullopt;
}

json::value number_json(double number) {
  const auto whole = static_cast<std::int64_t>(number);
  if (static_cast<double>(whole) == number) return whole;
  return number;
}

bool has_shortcut(const Arguments& arguments) {
  const auto given = [&](const Shortcut& shortcut) { return arguments.has(shortcut.option); };
  const auto flag = [&](const char* name) { return arguments.has(name); };
  return std::ranges::any_of(kFileOptions, flag) || arguments.has("no-audio") ||
         std::ranges::any_of(kShortcuts, given);
}

/// Files that are drawn into the pictures.
void add_files(const Arguments& arguments, json::object& output) {
  const auto video = [&]() -> json::object& {
    auto& part = output["video"];
    if (!part.is_object()) part = json::object();
    return part.get_object();
  };
  if (const auto image = arguments.find("watermark")) {
    video()["watermarks"] = json::array{json::object{{"image", *image}}};
  }
  if (const auto file = arguments.find("subtitles")) {
    video()["subtitles"] = json::object{{"file", *file}};
  }
}

Result<json::array> outputs_of_shortcuts(const Arguments& arguments) {
  json::object output{{"name", "video"}, {"type", "video"}};
  for (const Shortcut& shortcut : kShortcuts) {
    const auto text = arguments.find(shortcut.option);
    if (!text) continue;
    const auto number = number_of(*text);
    if (!shortcut.text && !number) {
      return fail(ErrorCode::kInvalidParameter, std::string("--") + shortcut.option +
                                                    " must be a number, not \"" +
                                                    printable(*text, 80) + "\"");
    }
    auto& part = output[shortcut.part];
    if (!part.is_object()) part = json::object();
    part.get_object()[shortcut.field] = shortcut.text ? json::value(*text) : number_json(*number);
  }
  add_files(arguments, output);
  if (arguments.has("no-audio")) output["audio"] = false;
  for (const char* size : {"height", "short-side"}) {
    if (const auto text = arguments.find(size)) output["name"] = *text + "p";
  }
  return json::array{std::move(output)};
}

Result<std::vector<OutputSpec>> checked(json::value outputs) {
  const json::value document = json::object{{"outputs", std::move(outputs)}};
  ObjectReader in(document, "");
  auto list = output_list_from(in, "outputs");
  if (!list) return list;
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return list;
}

}  // namespace

std::vector<OptionSpec> output_options() {
  return {
      {.name = "-t,--template",
       .value = "NAME",
       .help = "What to make; `telecine template list` shows the templates [ladder]"},
      {.name = "-o,--outputs",
       .value = "JSON",
       .help = "What to make as a JSON list of outputs, or @FILE with one"},
      {.name = "--height", .value = "PX", .help = "One MP4 of this height, or less"},
      {.name = "--width", .value = "PX", .help = "One MP4 of this width, or less"},
      {.name = "--short-side", .value = "PX", .help = "One MP4 with this short side, or less"},
      {.name = "--crf", .value = "0-51", .help = "Its quality: less is better and larger [23]"},
      {.name = "--bitrate", .value = "RATE", .help = "Its bit rate instead: 2M, 800k"},
      {.name = "--preset", .value = "NAME", .help = "ultrafast ... veryslow [veryfast]"},
      {.name = "--fps", .value = "N", .help = "Its highest frame rate"},
      {.name = "--frame-rate", .value = "N", .help = "Its frame rate, exactly"},
      {.name = "--fit",
       .value = "MODE",
       .help = "With --width and --height: fit, crop, stretch or pad [fit]"},
      {.name = "--rotate", .value = "DEGREES", .help = "Clockwise: 90, 180 or 270"},
      {.name = "--watermark", .value = "FILE", .help = "An image laid into its upper right corner"},
      {.name = "--subtitles",
       .value = "FILE",
       .help = "SubRip, WebVTT or ASS, drawn into its pictures"},
      {.name = "--loudness", .value = "LUFS", .help = "What its sound is brought to, such as -23"},
      {.name = "--audio-bitrate", .value = "RATE", .help = "Of its sound [128k]"},
      {.name = "--no-audio", .help = "Without sound"},
  };
}

Result<json::value> json_argument(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  const bool inlined = begin != std::string::npos && (text[begin] == '[' || text[begin] == '{');
  if (inlined) return parse_json(text);
  const std::string path = text.starts_with('@') ? text.substr(1) : text;
  auto content = read_file(path, kMaxFile);
  if (!content) {
    return fail(ErrorCode::kInvalidParameter,
                content.error().message + "; give JSON or the name of a file with JSON");
  }
  auto value = parse_json(*content);
  if (!value) return fail(ErrorCode::kInvalidParameter, path + ": " + value.error().message);
  return value;
}

Result<WantedOutputs> wanted_outputs(const Arguments& arguments) {
  WantedOutputs wanted;
  wanted.template_name = arguments.text("template");
  const bool shortcut = has_shortcut(arguments);
  if ((wanted.template_name.empty() ? 0 : 1) + (arguments.has("outputs") ? 1 : 0) +
          (shortcut ? 1 : 0) >
      1) {
    return fail(ErrorCode::kInvalidParameter,
                "give only one of --template, --outputs and the options for one MP4 (--height, "
                "--crf, ...)");
  }
  json::value list;
  if (shortcut) {
    auto made = outputs_of_shortcuts(arguments);
    if (!made) return std::unexpected(made.error());
    list = std::move(*made);
  } else if (const auto text = arguments.find("outputs")) {
    auto value = json_argument(*text);
    if (!value) return std::unexpected(value.error());
    // A template's own document will do as well.
    const auto* inner = value->is_object() ? value->get_object().if_contains("outputs") : nullptr;
    list = inner != nullptr ? *inner : std::move(*value);
  } else {
    return wanted;
  }
  auto outputs = checked(std::move(list));
  if (!outputs) return std::unexpected(outputs.error());
  wanted.outputs = std::move(*outputs);
  return wanted;
}

Result<std::vector<OutputSpec>> built_in_outputs(const std::string& name) {
  std::vector<std::string> names;
  for (const Template& made : built_in_templates()) {
    if (made.name == name) return made.outputs;
    names.push_back(made.name);
  }
  return fail(ErrorCode::kInvalidParameter, "there is no built-in template \"" +
                                                printable(name, 80) + "\"; there are " +
                                                join(names, ", "));
}

}  // namespace telecine::app
