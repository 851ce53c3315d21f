#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialect/visionular/answers.h"
#include "service/service.h"

namespace telecine::visionular {

/// What create_task leaves in a task's options under "dialect".
struct Remembered {
  std::string template_id;
  std::string template_name;
  std::string custom_info;
};
json::object to_json(const Remembered& remembered);
Remembered remembered_of(const Task& task);

std::string_view status_word(TaskState state, Generation generation);
/// Every state that a word of either generation means; none for an unknown word.
std::vector<TaskState> states_of(std::string_view word);

/// The number and text of a task's error; 0 and "" while there is none.
struct TaskError {
  int code = 0;
  std::string_view message;
};
TaskError error_of(const Task& task);

/// query_task's `data`. `base` begins links to this server.
json::object task_document(Service& service, const Task& task, Generation generation,
                           const std::string& base);

}  // namespace telecine::visionular
