#pragma once

#include <string>

#include "base/fs.h"
#include "work/executor.h"

namespace telecine {

/// A unit's input, and its MD5 where somebody has computed it already.
struct Source {
  Fd fd;
  std::string md5;
  bool fetched = false;
};

/// The input of a unit that reads media: the joined sources, what a fetch unit left, an uploaded
/// file, or a file below a root. kInputTooLarge for callers' files beyond worker.max_input.
Result<Source> open_source(const WorkContext& context, const Run& run);

/// What an earlier unit of the task left under this name, and whether it is such a name.
Result<Fd> open_left(const WorkContext& context, const Run& run, const std::string& name);
bool is_left(std::string_view name);

/// An uploaded file or one below a root, by its name in a task's specification.
Result<Source> open_stored(const WorkContext& context, const Task& task, const std::string& name);

}  // namespace telecine
