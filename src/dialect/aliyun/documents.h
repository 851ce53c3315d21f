#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "dialect/aliyun/call.h"
#include "task/task.h"

namespace telecine::aliyun {

/// 0 waiting, 1 at work, 2 succeeded, 3 failed or cancelled.
int status_of(TaskState state);

/// Whether a task, whoever made it, is one that this protocol knows.
bool is_shown(const Task& task);

/// "/processResult/400000.txt".
std::string result_path(const Task& task);

/// What GetTaskResult answers; `result_url` is the whole link. The members stand in the order that
/// each format has, and only JSON says "Code".
struct ResultForm {
  Format format = Format::kJson;
  bool nested_url = false;  ///< XML: the URL in an element within an element of the same name
};
json::object result_document(const Task& task, const std::string& request_id,
                             const std::string& result_url, ResultForm form);
json::object status_document(const Task& task, const std::string& request_id);
json::object created_document(const Task& task, const std::string& request_id);

}  // namespace telecine::aliyun
