#pragma once

#include <string>
#include <vector>

#include "dialect/tencent/documents.h"

namespace telecine::tencent {

/// One entry of a procedure's processTaskList.
struct StepState {
  json::object document;
  int code = 0;  ///< 0 unless it failed
  std::string message;
};

/// A procedure's steps as they stand: the pull, then the outputs as they were asked for.
std::vector<StepState> steps_of(const View& view, const Task& task);

/// What the task remembers of its making; an empty object for another dialect's.
json::object memory_of(const Task& task);

}  // namespace telecine::tencent
