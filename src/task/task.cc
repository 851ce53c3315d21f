#include "task/task.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "task/generation.h"

namespace telecine {
namespace {

json::object to_json(const Keep& keep) {
  json::object outputs;
  for (const auto& [output, name] : keep.outputs) outputs[output] = name;
  return {{"input", keep.input}, {"outputs", std::move(outputs)}};
}

Keep keep_from(const json::value& value) {
  const LooseReader in(value);
  Keep keep;
  keep.input = in.text("input");
  if (const auto* outputs = in.at("outputs"); outputs != nullptr && outputs->is_object()) {
    for (const auto& item : outputs->get_object()) {
      if (!item.value().is_string()) continue;
      keep.outputs[std::string(item.key())] = std::string(item.value().get_string());
    }
  }
  return keep;
}

constexpr auto kInputFile = "input_file";
constexpr auto kOutputFiles = "output_files";

}  // namespace

void note_file(json::object& result, const json::object& known, const std::string& output,
               Id file) {
  if (output.empty()) {
    result[kInputFile] = file.hex();
    return;
  }
  // Members of a result are replaced whole: begin with what earlier commits put there.
  auto& files = result[kOutputFiles];
  if (files.is_null()) {
    if (const auto* earlier = known.if_contains(kOutputFiles)) files = *earlier;
  }
  if (!files.is_object()) files = json::object();
  files.get_object()[output] = file.hex();
}

std::optional<Id> input_file(const Task& task) {
  const std::string noted = LooseReader(task.result).text(kInputFile);
  if (!noted.empty()) return Id::from_hex(noted);
  const std::string_view input = task.spec.input;
  if (!input.starts_with(kFileIdScheme)) return std::nullopt;
  return Id::from_hex(input.substr(kFileIdScheme.size()));
}

std::optional<Id> output_file(const Task& task, std::string_view output) {
  const auto* files = LooseReader(task.result).at(kOutputFiles);
  if (files == nullptr) return std::nullopt;
  return Id::from_hex(LooseReader(*files).text(output));
}

json::object to_json(const Destination& destination) {
  return {{"storage", destination.storage}, {"endpoint", destination.endpoint},
          {"type", destination.type},       {"region", destination.region},
          {"bucket", destination.bucket},   {"prefix", destination.prefix},
          {"name", destination.name}};
}

Destination destination_from(const json::value& value) {
  const LooseReader in(value);
  return {in.text("storage"), in.text("endpoint"), in.text("type"), in.text("region"),
          in.text("bucket"),  in.text("prefix"),   in.text("name")};
}

bool is_remote(std::string_view input) {
  constexpr std::array<std::string_view, 6> kSchemes = {"http://", "https://", "s3://",
                                                        "oss://",  "obs://",   "cos://"};
  return std::ranges::any_of(kSchemes, [&](auto scheme) { return input.starts_with(scheme); });
}

std::vector<std::string> assets_of(const std::vector<OutputSpec>& outputs) {
  std::vector<std::string> assets;
  const auto add = [&](const std::string& asset) {
    if (!asset.empty() && std::ranges::find(assets, asset) == assets.end()) assets.push_back(asset);
  };
  for (const OutputSpec& spec : outputs) {
    for (const Rendition& rendition : spec.renditions) {
      if (!rendition.video) continue;
      for (const Watermark& mark : rendition.video->watermarks) add(mark.image);
      if (rendition.video->subtitles) add(rendition.video->subtitles->file);
    }
    for (const Watermark& mark : spec.still.watermarks) add(mark.image);
  }
  return assets;
}

std::vector<std::string> further_inputs(const TaskSpec& spec) {
  std::vector<std::string> inputs = assets_of(spec.outputs);
  for (std::size_t i = 1; i < spec.pieces.size(); ++i) inputs.push_back(spec.pieces[i].input);
  std::ranges::sort(inputs);
  const auto doubles = std::ranges::unique(inputs);
  inputs.erase(doubles.begin(), doubles.end());
  return inputs;
}

namespace {

json::array pieces_json(const std::vector<Piece>& pieces) {
  json::array list;
  for (const Piece& piece : pieces) list.emplace_back(to_json(piece));
  return list;
}

}  // namespace

json::object to_json(const Piece& piece) {
  json::object o{{"input", piece.input}};
  if (piece.start != 0) o["start"] = static_cast<double>(piece.start) / 1000;
  if (piece.end != 0) o["end"] = static_cast<double>(piece.end) / 1000;
  return o;
}

Piece piece_from(const json::value& value) {
  const LooseReader in(value);
  const auto ms = [&](const char* key) { return to_millis(in.number(key)); };
  return {in.text("input"), ms("start"), ms("end")};
}

bool can_move(TaskState from, TaskState to) {
  if (is_final(from)) {
    return to == TaskState::kQueued &&
           (from == TaskState::kFailed || from == TaskState::kCancelled);
  }
  return static_cast<int>(to) > static_cast<int>(from);
}

namespace {

json::value time_or_null(Millis at) {
  if (at == 0) return nullptr;
  return json::value(rfc3339(at));
}

/// Segments are reached through their playlists; hundreds of them would drown the document.
bool is_shown(const Output& output, const OutputFile& file) {
  return output.type != OutputType::kHls || file.name.ends_with(".m3u8") ||
         file.name.ends_with(".mpd");
}

json::object view_of(const Output& output) {
  json::object o = to_json(output);
  if (!output.error) o["error"] = nullptr;
  if (!output.facts) o["facts"] = nullptr;
  json::array files;
  for (const OutputFile& file : output.files) {
    if (is_shown(output, file)) files.emplace_back(to_json(file));
  }
  o["url"] = files.empty() ? json::value(nullptr) : files.front().at("url");
  o["files"] = std::move(files);
  return o;
}

bool has_secret(const OutputSpec& spec) {
  return spec.encryption && !spec.encryption->key.empty();
}

/// Readers of a task need not be those who may decrypt its outputs.
json::object shown(const OutputSpec& spec) {
  if (!has_secret(spec)) return to_json(spec);
  OutputSpec open = spec;
  open.encryption->key.clear();
  return to_json(open);
}

/// What was asked of whom, and how far that is.
void add_generation(json::object& o, const Task& task) {
  json::object wanted = to_json(generation_of(task.spec));
  json::object made;
  if (const auto* choice = wanted.if_contains("choice")) made = choice->as_object();
  wanted.erase("choice");
  o["generation"] = std::move(wanted);
  if (const auto* record = task.result.if_contains(kGenerationMember);
      record != nullptr && record->is_object()) {
    made = record->get_object();
  }
  if (const auto* times = made.if_contains("times"); times != nullptr && times->is_object()) {
    json::object shown;
    for (const auto& item : times->get_object()) {
      if (item.value().is_int64()) shown[item.key()] = rfc3339(item.value().get_int64());
    }
    made["times"] = std::move(shown);
  }
  made["placeholder"] = is_placeholder(task.spec);
  o["provider"] = std::move(made);
}

}  // namespace

json::object view_of(const Task& task) {
  json::object o;
  o["id"] = task.id.hex();
  o["kind"] = name_of(task.spec.kind);
  o["state"] = name_of(task.state);
  o["progress"] = task.progress;
  o["speed"] = task.speed;
  o["input"] = task.spec.input;
  if (!task.spec.pieces.empty()) o["inputs"] = pieces_json(task.spec.pieces);
  if (task.spec.accept_damaged) o["accept_damaged"] = true;
  o["template"] = task.spec.template_name;
  o["priority"] = task.spec.priority;
  json::object metadata;
  for (const auto& [key, value] : task.spec.metadata) metadata[key] = value;
  o["metadata"] = std::move(metadata);
  o["callback_url"] = task.spec.callback_url;
  if (task.spec.destination)
    o["destination"] = to_json(*task.spec.destination);
  else
    o["destination"] = nullptr;
  o["attempts"] = task.attempts;
  o["max_attempts"] = task.spec.max_attempts;
  json::array requested;
  for (const OutputSpec& spec : task.spec.outputs) requested.emplace_back(shown(spec));
  o["requested"] = std::move(requested);
  o["created"] = rfc3339(task.created);
  o["started"] = time_or_null(task.started);
  o["finished"] = time_or_null(task.finished);
  o["updated"] = rfc3339(task.updated);
  if (task.error)
    o["error"] = to_json(*task.error);
  else
    o["error"] = nullptr;
  if (task.spec.kind == TaskKind::kGenerate) add_generation(o, task);
  if (task.source)
    o["source"] = to_json(*task.source);
  else
    o["source"] = nullptr;
  json::array outputs;
  for (const Output& output : task.outputs) outputs.emplace_back(view_of(output));
  o["outputs"] = std::move(outputs);
  return o;
}

json::object rest_of(const Task& task) {
  json::object o;
  o["account"] = task.account;
  o["origin"] = task.origin;
  if (std::ranges::any_of(task.spec.outputs, has_secret)) {
    json::array specs;
    for (const OutputSpec& spec : task.spec.outputs) specs.emplace_back(to_json(spec));
    o["outputs"] = std::move(specs);
  }
  o["times"] = {task.created, task.started, task.finished, task.updated};
  json::array hidden;
  for (const Output& output : task.outputs) {
    json::array files;
    for (const OutputFile& file : output.files) {
      if (!is_shown(output, file)) files.emplace_back(to_json(file));
    }
    hidden.emplace_back(std::move(files));
  }
  o["hidden_files"] = std::move(hidden);
  const TaskSpec& spec = task.spec;
  if (spec.callback_changes) o["callback_changes"] = true;
  if (!spec.input_md5.empty()) o["input_md5"] = spec.input_md5;
  if (spec.keep != Keep{}) o["keep"] = to_json(spec.keep);
  if (spec.stills_first) o["stills_first"] = true;
  if (!spec.options.empty()) o["options"] = spec.options;
  if (!task.result.empty()) o["result"] = task.result;
  return o;
}

namespace {

void read_specs(const json::array& list, std::vector<OutputSpec>& specs) {
  if (list.empty()) return;
  specs.clear();
  for (const auto& item : list) {
    if (auto spec = output_spec_from(item, "")) specs.push_back(std::move(*spec));
  }
}

void read_view(const LooseReader& in, Task& task) {
  task.spec.kind = value_named<TaskKind>(in.text("kind")).value_or(task.spec.kind);
  task.spec.input = in.text("input");
  for (const auto& item : in.list("inputs")) task.spec.pieces.push_back(piece_from(item));
  task.spec.accept_damaged = in.flag("accept_damaged");
  task.spec.template_name = in.text("template");
  task.spec.priority = in.small("priority");
  task.spec.callback_url = in.text("callback_url");
  if (const auto* to = in.at("destination"); to != nullptr && to->is_object()) {
    task.spec.destination = destination_from(*to);
  }
  if (const auto* metadata = in.at("metadata"); metadata != nullptr && metadata->is_object()) {
    for (const auto& item : metadata->get_object()) {
      if (!item.value().is_string()) continue;
      task.spec.metadata[std::string(item.key())] = std::string(item.value().get_string());
    }
  }
  task.progress = in.number("progress");
  task.attempts = in.small("attempts");
  task.spec.max_attempts = in.small("max_attempts");
  read_specs(in.list("requested"), task.spec.outputs);
  if (const auto* source = in.at("source")) task.source = media_facts_from(*source);
  for (const auto& item : in.list("outputs")) task.outputs.push_back(output_from(item));
  if (const auto* error = in.at("error")) task.error = error_from(*error);
}

void read_rest(const LooseReader& in, Task& task) {
  task.account = in.text("account");
  task.origin = in.text("origin");
  read_specs(in.list("outputs"), task.spec.outputs);
  const auto& times = in.list("times");
  const std::array members = {&task.created, &task.started, &task.finished, &task.updated};
  for (std::size_t i = 0; i < std::min(times.size(), members.size()); ++i) {
    if (times[i].is_int64()) *members[i] = times[i].get_int64();
  }
  task.spec.callback_changes = in.flag("callback_changes");
  task.spec.input_md5 = in.text("input_md5");
  if (const auto* keep = in.at("keep")) task.spec.keep = keep_from(*keep);
  task.spec.stills_first = in.flag("stills_first");
  if (const auto* options = in.at("options"); options != nullptr && options->is_object()) {
    task.spec.options = options->get_object();
  }
  if (const auto* result = in.at("result"); result != nullptr && result->is_object()) {
    task.result = result->get_object();
  }
  const auto& hidden = in.list("hidden_files");
  for (std::size_t i = 0; i < std::min(hidden.size(), task.outputs.size()); ++i) {
    if (!hidden[i].is_array()) continue;
    for (const auto& file : hidden[i].get_array()) {
      task.outputs[i].files.push_back(output_file_from(file));
    }
  }
}

}  // namespace

Result<Task> task_from(const json::value& view, const json::value& rest, Id id,
                       std::int64_t version) {
  const LooseReader in(view);
  const auto state = value_named<TaskState>(in.text("state"));
  if (!state) return fail(ErrorCode::kInternal, "a stored task has no state");
  Task task;
  task.id = id;
  task.version = version;
  task.state = *state;
  read_view(in, task);
  read_rest(LooseReader(rest), task);
  return task;
}

json::object to_json(const Event& event) {
  json::object o;
  o["seq"] = event.seq;
  o["task"] = event.task.hex();
  o["at"] = rfc3339(event.at);
  o["type"] = event.type;
  o["state"] = name_of(event.state);
  if (event.error) o["error"] = to_json(*event.error);
  return o;
}

}  // namespace telecine
