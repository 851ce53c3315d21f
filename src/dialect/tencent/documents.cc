#include "dialect/tencent/documents.h"

#include <algorithm>
#include <array>

#include "dialect/tencent/errors.h"
#include "dialect/tencent/facts.h"
#include "dialect/tencent/ids.h"
#include "dialect/tencent/steps.h"

namespace telecine::tencent {
namespace {

std::string kind_of(const Task& task) {
  const std::string kind = LooseReader(memory_of(task)).text(remembered::kKind);
  return kind.empty() ? std::string(kProcedure) : kind;
}

std::string type_of(const View& view, const Task& task) {
  std::string kind = kind_of(task);
  const auto named = view.options.task_type_names.find(kind);
  return named == view.options.task_type_names.end() ? kind : named->second;
}

bool ended_badly(const Task& task) {
  return task.state == TaskState::kFailed || task.state == TaskState::kCancelled;
}

std::string input_id(const Task& task) {
  const auto id = input_file(task);
  return id ? file_id_text(*id) : "";
}

json::object procedure_data(const View& view, const Task& task) {
  const auto steps = steps_of(view, task);
  int number = 0;
  std::string message;
  if (ended_badly(task)) {
    const auto failed =
        std::ranges::find_if(steps, [](const StepState& step) { return step.code != 0; });
    const Error error = task.error.value_or(Error{});
    number = failed != steps.end() ? failed->code : step_code(Step::kProcedure, error.code);
    message = failed != steps.end() ? failed->message : error.message;
  }
  json::object data{{"vodTaskId", vendor_task_id(view, task)},
                    {"status", word_of(status_of(task))},
                    {"errCode", number},
                    {"message", message},
                    {"fileId", input_id(task)}};
  if (task.source) data["metaData"] = meta_data(*task.source);
  json::array list;
  for (const StepState& step : steps) list.emplace_back(step.document);
  data["processTaskList"] = std::move(list);
  return data;
}

json::object play(const std::string& url, std::int64_t definition, const MediaFacts& facts) {
  return {{"url", url},
          {"definition", definition},
          {"vbitrate", facts.bitrate},
          {"vheight", height_of(facts)},
          {"vwidth", width_of(facts)}};
}

std::int64_t definition_of(const json::object& memory, std::string_view output) {
  for (const auto& item : LooseReader(memory).list(remembered::kSteps)) {
    const LooseReader step(item);
    if (step.text("output") != output) continue;
    const auto* input = step.at("input");
    return input != nullptr ? LooseReader(*input).integer("definition") : 0;
  }
  return 0;
}

json::object transcode_data(const View& view, const Task& task) {
  const json::object memory = memory_of(task);
  const bool bad = ended_badly(task);
  const Error error = task.error.value_or(Error{});
  const int number = bad ? step_code(Step::kTranscode, error.code) : 0;
  json::object data{{"vodTaskId", vendor_task_id(view, task)},
                    {"status", number},
                    {"errCode", number},
                    {"message", bad ? error.message : ""},
                    {"fileId", input_id(task)}};
  if (bad) return data;
  const auto id = input_file(task);
  const auto source = id ? view.file(*id) : std::nullopt;
  MediaFacts facts = source && source->file.facts ? *source->file.facts : MediaFacts{};
  if (task.source) facts = *task.source;
  std::string cover;
  json::array plays;
  if (source) plays.emplace_back(play(source->url, 0, facts));
  for (const Output& output : task.outputs) {
    if (output.state != OutputState::kSucceeded || output.files.empty()) continue;
    const std::string url = view.output_url(task, output.files.front());
    if (output.type == OutputType::kCover)
      cover = url;
    else
      plays.emplace_back(
          play(url, definition_of(memory, output.name), output.facts.value_or(MediaFacts{})));
  }
  data["fileName"] = LooseReader(memory).text(remembered::kFileName);
  data["duration"] = whole_seconds(facts.duration);
  data["coverUrl"] = cover;
  data["playSet"] = std::move(plays);
  return data;
}

json::object clip_data(const View& view, const Task& task) {
  json::object data{{"vodTaskId", vendor_task_id(view, task)}, {"srcFileId", input_id(task)}};
  if (ended_badly(task)) {
    const Error error = task.error.value_or(Error{});
    data["fileInfo"] = json::object{{"status", step_code(Step::kTranscode, error.code)},
                                    {"message", error.message}};
    return data;
  }
  const auto id = task.outputs.empty() ? std::nullopt : output_file(task, task.outputs[0].name);
  if (!is_final(task.state) || !id) return data;
  const auto file = view.file(*id);
  data["fileInfo"] = json::object{{"fileType", "mp4"},
                                  {"status", 0},
                                  {"message", ""},
                                  {"fileId", file_id_text(*id)},
                                  {"fileUrl", file ? file->url : ""}};
  return data;
}

struct Kind {
  std::string_view name;
  std::string_view event;
  json::object (*data)(const View&, const Task&);
};
constexpr std::array kKinds = {
    Kind{kProcedure, "ProcedureStateChanged", procedure_data},
    Kind{kTranscode, "TranscodeComplete", transcode_data},
    Kind{kClip, "ClipComplete", clip_data},
};

const Kind& kind_row(const Task& task) {
  const auto at = std::ranges::find(kKinds, kind_of(task), &Kind::name);
  return at == kKinds.end() ? kKinds.front() : *at;
}

void add_times(const Task& task, json::object& o) {
  const bool over = is_final(task.state);
  // One that was cancelled in the queue began, as far as this dialect can say, when it ended.
  const Millis begun = over && task.started == 0 ? task.finished : task.started;
  o["createTime"] = task.created / 1000;
  o["beginProcessTime"] = begun / 1000;
  o["finishTime"] = over ? task.finished / 1000 : 0;
}

}  // namespace

bool is_shown(const Task& task) {
  if (!memory_of(task).empty()) return true;
  return task.spec.kind == TaskKind::kTranscode || task.spec.kind == TaskKind::kProbe;
}

bool is_too_old(const Task& task, Millis now) {
  constexpr Millis kShownFor = 72LL * 3600 * 1000;
  return task.created < now - kShownFor;
}

std::string vendor_task_id(const View& view, const Task& task) {
  const std::int64_t own = LooseReader(memory_of(task)).integer(remembered::kAppId);
  return task_id_text(own > 0 ? own : view.app_id, kind_of(task), task.id);
}

Status status_of(const Task& task) {
  if (task.state == TaskState::kQueued) return Status::kWaiting;
  return is_final(task.state) ? Status::kFinish : Status::kProcessing;
}

std::string_view word_of(Status status) {
  constexpr std::array<std::string_view, 3> kWords = {"WAITING", "PROCESSING", "FINISH"};
  return kWords[static_cast<std::size_t>(status)];
}

json::object task_info(const View& view, const Task& task) {
  const Status status = status_of(task);
  json::object o{{"type", type_of(view, task)}, {"status", word_of(status)}};
  add_times(task, o);
  if (status != Status::kWaiting) o["data"] = kind_row(task).data(view, task);
  return o;
}

json::object task_entry(const View& view, const Task& task) {
  json::object o{{"vodTaskId", vendor_task_id(view, task)}, {"type", type_of(view, task)}};
  add_times(task, o);
  return o;
}

json::object event(const View& view, const Task& task) {
  const Kind& kind = kind_row(task);
  return {{"version", "4.0"}, {"eventType", kind.event}, {"data", kind.data(view, task)}};
}

}  // namespace telecine::tencent
