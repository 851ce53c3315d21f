#pragma once

#include <optional>
#include <string>
#include <vector>

#include "task/records.h"
#include "task/task.h"

namespace telecine {

/// The pure half of the state machine: a task and something that happened to it give the task as
/// it is afterwards. The store calls these inside its transaction and writes what they return.

/// A unit of the task was claimed.
Task after_claim(const Task& task, UnitKind kind, Millis now);

/// A file that a unit made for the library. Its bytes are an object already; it becomes a file, and
/// gets its id, in the commit.
struct NewFile {
  std::string output;  ///< the output it was; empty: the task's input
  File file;
};

/// What a finished unit brings. `outputs` replaces the task's outputs when not empty.
struct UnitOutcome {
  std::optional<MediaFacts> source;
  std::vector<Output> outputs;
  std::vector<NewUnit> next;  ///< units that follow; none: the task is at its end
  std::vector<NewFile> files;
  boost::json::object result;      ///< members to set in the task's result
  std::optional<double> progress;  ///< of the task, 0...1; never takes it back
  /// Kept for the unit that waits until all others have ended; see Lease::parts. Empty: nothing.
  boost::json::object part;
  /// Ends the task as failed whatever the error's kind: what was begun must not be begun again.
  std::optional<Error> failed;
};
/// `others`: the task has more units beside those that follow. Succeeded when there is no unit and
/// an output (or, with none asked for, the source) is there;
/// failed with the first output's error when none is.
Task after_commit(const Task& task, const UnitOutcome& outcome, bool others, Millis now);

/// The same while the unit goes on: some of what it makes is there already.
Task after_checkpoint(const Task& task, const UnitOutcome& outcome, Millis now);

Task after_failure(const Task& task, const Error& error, Millis now);
Task after_cancel(const Task& task, Millis now);
Task after_retry(const Task& task, Millis now);

/// The unit that reads the input of a task of this kind.
UnitKind media_unit(TaskKind kind);
/// The outputs and the unit with which a task begins.
std::vector<Output> outputs_of(const TaskSpec& spec);
NewUnit first_unit(const TaskSpec& spec);

/// When a failed unit is due again: 2 s, doubling to 5 min. `failures` counts from 1.
Millis retry_delay(int failures);

}  // namespace telecine
