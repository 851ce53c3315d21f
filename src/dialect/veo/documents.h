#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "service/service.h"

namespace telecine::veo {

/// A task's id in this form: its 32 hex digits written as a UUID. Read with or without hyphens.
std::string uuid_of(Id id);
std::optional<Id> id_from(std::string_view text);

/// What a client calls the state of a task. A pure function of the task's own state.
struct Status {
  std::string_view outer;
  std::string_view inner;
  int percent = 0;
};
Status status_of(const Task& task);

/// {"id", "status", "video_url", "status_update_time", …}: always an object with these four.
json::object inner_document(const Service& service, const Task& task, const std::string& base);
/// The inner document as the relative of the form that shows it alone has it.
json::object video_document(const Service& service, const Task& task, const std::string& base);
/// The task with the inner document in `data`.
json::object task_document(const Service& service, const Task& task, const std::string& base);
/// {"code": "success", "message": "", "data": …}.
json::object envelope(json::value data);
/// The task without an envelope, the result in data.output.
json::object flat_document(const Service& service, const Task& task, const std::string& base);

}  // namespace telecine::veo
