#include "dialect/aliyun/documents.h"

#include <array>

#include "base/text.h"
#include "dialect/aliyun/errors.h"

namespace telecine::aliyun {
namespace {

constexpr std::array kStatuses = {
    std::pair{TaskState::kQueued, 0},    std::pair{TaskState::kDownloading, 1},
    std::pair{TaskState::kRunning, 1},   std::pair{TaskState::kUploading, 1},
    std::pair{TaskState::kSucceeded, 2}, std::pair{TaskState::kFailed, 3},
    std::pair{TaskState::kCancelled, 3}};

/// Of a task made elsewhere: the last part of its input's path.
std::string name_of_input(const std::string& input) {
  const std::string_view path = std::string_view(input).substr(0, input.find_first_of("?#"));
  return printable(path.substr(path.rfind('/') + 1), 256);
}

/// Whole seconds, rounded up.
std::int64_t seconds_used(const Task& task) {
  return task.finished > task.started ? (task.finished - task.started + 999) / 1000 : 0;
}

void add_error(const Task& task, json::object& o) {
  const Error error = task.error.value_or(Error{ErrorCode::kInternal, "the task has no error", {}});
  const TaskError words = task_error(error.code);
  o["ErrorCode"] = words.code;
  o["ErrorName"] = words.name;
  o["ErrorReason"] = std::string(name_of(error.code)) + ": " + printable(error.message, 1000);
  o["ErrorMessage"] = words.name;
}

json::object result_of(const Task& task, const std::string& url, bool nested_url) {
  const json::value empty = json::object();
  const auto* dialect = task.spec.options.if_contains("dialect");
  const LooseReader asked(dialect != nullptr && task.origin == "aliyun" ? *dialect : empty);
  json::object o;
  if (status_of(task.state) == 2) {
    if (nested_url)
      o["ProcessResultUrl"] = json::object{{"ProcessResultUrl", url}};
    else
      o["ProcessResultUrl"] = url;
  }
  const std::string name = asked.text("VideoName");
  o["VideoName"] = name.empty() ? name_of_input(task.spec.input) : name;
  const std::string application = asked.text("ApplicationId");
  o["ApplicationId"] = application.empty() ? task.origin : application;
  if (status_of(task.state) == 2) o["AnalysisUseTime"] = seconds_used(task);
  o["VideoUrl"] = task.spec.input;
  if (status_of(task.state) == 3) add_error(task, o);
  return o;
}

}  // namespace

int status_of(TaskState state) {
  for (const auto& [known, status] : kStatuses) {
    if (known == state) return status;
  }
  return 0;
}

bool is_shown(const Task& task) {
  return task.spec.kind == TaskKind::kAnalyse;
}

std::string result_path(const Task& task) {
  return "/processResult/" + std::to_string(task.id.key) + ".txt";
}

json::object result_document(const Task& task, const std::string& request_id,
                             const std::string& result_url, ResultForm form) {
  const bool json = form.format == Format::kJson;
  json::object result = result_of(task, result_url, form.nested_url && !json);
  const int status = status_of(task.state);
  if (json) {
    return {{"Status", status},
            {"Result", std::move(result)},
            {"RequestId", request_id},
            {"Code", "OK"}};
  }
  return {{"Result", std::move(result)}, {"Status", status}, {"RequestId", request_id}};
}

json::object status_document(const Task& task, const std::string& request_id) {
  return {{"Status", status_of(task.state)}, {"RequestId", request_id}};
}

json::object created_document(const Task& task, const std::string& request_id) {
  return {{"RequestId", request_id}, {"TaskId", task.id.key}, {"Code", "OK"}};
}

}  // namespace telecine::aliyun
