#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"
#include "task/output.h"
#include "task/spec.h"

namespace telecine {

/// The states of a task. A task enters each at most once, except that `retry` takes a failed or
/// cancelled one back to kQueued, and only forwards:
///
///     queued ──► downloading ──► running ──► uploading ──► succeeded
///        │            │             │            │
///        └────────────┴─────────────┴────────────┴───────► failed | cancelled
///
/// kQueued       submitted; no unit of it has been claimed yet
/// kDownloading  a fetch unit was claimed: a remote input is being copied. Skipped for local ones
/// kRunning      an encode unit was claimed
/// kUploading    outputs exist and are on their way to a remote store. Skipped for local ones
/// kSucceeded    the last unit committed and at least one output is there
/// kFailed       a unit failed for good, or every output did
/// kCancelled    somebody cancelled it before it ended
///
/// A unit that is lost or attempted again does not take the task's state back.
enum class TaskState : std::uint8_t {
  kQueued,
  kDownloading,
  kRunning,
  kUploading,
  kSucceeded,
  kFailed,
  kCancelled
};
template <>
inline constexpr auto kNames<TaskState> =
    std::to_array<Named<TaskState>>({{TaskState::kQueued, "queued"},
                                     {TaskState::kDownloading, "downloading"},
                                     {TaskState::kRunning, "running"},
                                     {TaskState::kUploading, "uploading"},
                                     {TaskState::kSucceeded, "succeeded"},
                                     {TaskState::kFailed, "failed"},
                                     {TaskState::kCancelled, "cancelled"}});

constexpr bool is_final(TaskState state) {
  return state >= TaskState::kSucceeded;
}
/// Whether the diagram has an arrow (or a path of skipped states) from one to the other.
bool can_move(TaskState from, TaskState to);

struct Task {
  Id id;
  std::string account;
  std::string origin = "native";  ///< the dialect that made it
  TaskSpec spec;
  TaskState state = TaskState::kQueued;
  Millis created = 0;
  Millis started = 0;   ///< left the queue; 0 not yet
  Millis finished = 0;  ///< 0 not yet
  Millis updated = 0;   ///< last change of anything, progress included
  /// The store's number of the last durable change: grows with every one of them.
  std::int64_t version = 0;
  double progress = 0;  ///< 0...1 over all outputs; never goes back while the task runs
  double speed = 0;     ///< media seconds per second of the running unit; 0 unknown
  int attempts = 0;     ///< units started
  std::optional<MediaFacts> source;
  std::vector<Output> outputs;
  std::optional<Error> error;  ///< why it failed
  /// What units found out beside outputs (a generation's provider and stages, an export's row
  /// count, the ids of files that were made). Members are replaced one by one by each commit.
  boost::json::object result;
};

using TaskPtr = std::shared_ptr<const Task>;

/// A task at rest is two documents. The view is what clients of the native API see, with object
/// URLs where they see links; `outputs` is its last member, so that a stored view becomes an
/// answer by replacing URLs in its text. The rest is what the engine needs besides.
boost::json::object view_of(const Task& task);
boost::json::object rest_of(const Task& task);
Result<Task> task_from(const boost::json::value& view, const boost::json::value& rest, Id id,
                       std::int64_t version);
/// The file of the library a task reads: the one it was given, or the one its fetched input became.
std::optional<Id> input_file(const Task& task);
/// The file an output was kept as.
std::optional<Id> output_file(const Task& task, std::string_view output);
/// Adds what the two above read to `result`, members for a task's result in which `known` stands
/// already. No output means the input.
void note_file(boost::json::object& result, const boost::json::object& known,
               const std::string& output, Id file);

/// Claimable work. Exists from the commit that makes it to the commit that ends it.
enum class UnitKind : std::uint8_t {
  kFetch,     ///< copy a remote input to this store's scratch space
  kEncode,    ///< probe the input and make every output of it in one decode; or, of a long one,
              ///< only the pictures between two keyframes
  kAnalyse,   ///< look at the input and write the report
  kGenerate,  ///< have a provider make a video
  kExport,    ///< write a file from stored records
  kPublish,   ///< copy finished outputs to the task's destination
  kPackage,   ///< join what the encodes of a long input made, and make the rest
};
template <>
inline constexpr auto kNames<UnitKind> =
    std::to_array<Named<UnitKind>>({{UnitKind::kFetch, "fetch"},
                                    {UnitKind::kEncode, "encode"},
                                    {UnitKind::kAnalyse, "analyse"},
                                    {UnitKind::kGenerate, "generate"},
                                    {UnitKind::kExport, "export"},
                                    {UnitKind::kPublish, "publish"},
                                    {UnitKind::kPackage, "package"}});

/// The state a claimed unit of this kind puts its task into.
constexpr TaskState state_during(UnitKind kind) {
  return kind == UnitKind::kFetch     ? TaskState::kDownloading
         : kind == UnitKind::kPublish ? TaskState::kUploading
                                      : TaskState::kRunning;
}

struct NewUnit {
  UnitKind kind = UnitKind::kEncode;
  boost::json::object payload;  ///< what the executor needs beside the task
  Millis delay = 0;             ///< ms after the commit before it may be claimed
  bool waits = false;           ///< until the task has no other unit that is still to be done
};

/// A claimed unit: the right of one node to run it until its lease ends.
struct Lease {
  std::int64_t unit = 0;
  int attempt = 0;   ///< grows with every claim and fences late commits
  int failures = 0;  ///< attempts that ended in an error so far
  UnitKind kind = UnitKind::kEncode;
  boost::json::object payload;
  TaskPtr task;
  /// What the task's ended units left for the one that waits (UnitOutcome::part), in no order.
  std::vector<boost::json::object> parts;
};

/// One line of a task's history, and one server-sent event.
struct Event {
  std::int64_t seq = 0;  ///< the store's own sequence; resuming starts after it
  Id task;
  std::string account;
  Millis at = 0;
  std::string
      type;  ///< task.<state>, unit.started, unit.done, unit.failed, unit.lost, unit.released
  TaskState state = TaskState::kQueued;
  std::optional<Error> error;
};

boost::json::object to_json(const Event& event);

}  // namespace telecine
