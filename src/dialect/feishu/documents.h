#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "task/task.h"

namespace telecine::feishu {

enum class ExportStatus : int { kProcessing = 1, kFailed = 2, kFinished = 3 };

/// The workbook of a task that has one, else null.
const OutputFile* workbook_of(const Task& task);

/// What a poll says about a task: `data` of the answer. `download` is the address that the name of
/// its file, `file_token`, is appended to.
json::object export_data(const Task& task, std::string_view download, std::string_view file_token);

/// "meeting_list_42.xlsx".
std::string workbook_name(const Task& task);

}  // namespace telecine::feishu
