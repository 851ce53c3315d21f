#pragma once

#include <vector>

#include "base/json.h"
#include "task/task.h"

namespace telecine::visionular {

inline constexpr std::int64_t kHour = 3600;  ///< in seconds, as times are outside

/// list_summary's `data`: how many videos were made in which hour, and how long they are, by
/// region, codec and size. `tasks` have succeeded; those without a video are left out.
json::object summary_document(const std::vector<TaskPtr>& tasks);

}  // namespace telecine::visionular
