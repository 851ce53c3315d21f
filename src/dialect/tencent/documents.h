#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "dialect/tencent/options.h"
#include "task/records.h"
#include "task/task.h"

namespace telecine::tencent {

/// What a document needs to know beside its task.
struct View {
  const Options& options;
  std::int64_t app_id = 0;  ///< for ids of tasks that another dialect made
  std::function<std::string(const Task&, const OutputFile&)> output_url;
  struct Source {
    File file;
    std::string url;
  };
  /// Nothing when the file was deleted.
  std::function<std::optional<Source>(Id)> file;
};

/// The words in which a task remembers, under its options, how this dialect made it.
namespace remembered {
inline constexpr auto kName = "tencent";
inline constexpr auto kDialect = "dialect";
inline constexpr auto kKind = "kind";
inline constexpr auto kAppId = "app_id";
inline constexpr auto kSteps = "steps";  ///< [{"output", "type", "input"}]
inline constexpr auto kPull = "pull";    ///< the input of the PullFile step
inline constexpr auto kFileName = "file_name";
}  // namespace remembered

/// The kinds of tasks, by the word in their ids.
inline constexpr std::string_view kProcedure = "Procedure";
inline constexpr std::string_view kTranscode = "transcode";
inline constexpr std::string_view kClip = "clipVideo";

/// Whether this dialect has words for the task: its own, and media tasks of others.
bool is_shown(const Task& task);
/// Whether it was created too long ago to be asked for.
bool is_too_old(const Task& task, Millis now);
std::string vendor_task_id(const View& view, const Task& task);

enum class Status { kWaiting, kProcessing, kFinish };
Status status_of(const Task& task);
std::string_view word_of(Status status);

/// The payload of GetTaskInfo.
json::object task_info(const View& view, const Task& task);
/// One entry of GetTaskList.
json::object task_entry(const View& view, const Task& task);
/// The body of a callback.
json::object event(const View& view, const Task& task);

}  // namespace telecine::tencent
