#include "task/lifecycle.h"

#include <algorithm>

#include "task/export_spec.h"
#include "task/generation.h"

namespace telecine {
namespace {

void finish(Task& task, TaskState state, Millis now) {
  task.state = state;
  task.finished = now;
  task.updated = now;
  task.speed = 0;
  const auto unfinished =
      state == TaskState::kCancelled ? OutputState::kCancelled : OutputState::kFailed;
  for (Output& output : task.outputs) {
    const bool open =
        output.state == OutputState::kPending || output.state == OutputState::kRunning;
    if (!open) continue;
    output.state = unfinished;
    // Made, but it never came to where it should go.
    output.files.clear();
    if (state == TaskState::kFailed) output.error = task.error;
  }
}

/// What a task's result says of files in the library: they are there whatever becomes of the task.
json::object kept_files(const Task& task) {
  json::object result;
  const auto input = input_file(task);
  if (input && !task.spec.keep.input.empty()) note_file(result, {}, "", *input);
  for (const Output& output : task.outputs) {
    if (const auto file = output_file(task, output.name)) {
      note_file(result, {}, output.name, *file);
    }
  }
  return result;
}

}  // namespace

Task after_claim(const Task& task, UnitKind kind, Millis now) {
  Task next = task;
  const TaskState state = state_during(kind);
  if (can_move(task.state, state)) next.state = state;
  if (next.started == 0) next.started = now;
  next.updated = now;
  ++next.attempts;
  if (kind != UnitKind::kFetch) {
    for (Output& output : next.outputs) {
      if (output.state == OutputState::kPending) output.state = OutputState::kRunning;
    }
  }
  return next;
}

Task after_checkpoint(const Task& task, const UnitOutcome& outcome, Millis now) {
  Task next = task;
  next.updated = now;
  if (outcome.source) next.source = outcome.source;
  if (!outcome.outputs.empty()) next.outputs = outcome.outputs;
  for (const auto& item : outcome.result) next.result[item.key()] = item.value();
  return next;
}

Task after_commit(const Task& task, const UnitOutcome& outcome, bool others, Millis now) {
  Task next = after_checkpoint(task, outcome, now);
  if (outcome.progress) next.progress = std::max(next.progress, *outcome.progress);
  if (outcome.failed) return after_failure(next, *outcome.failed, now);
  if (others || !outcome.next.empty()) return next;
  const auto there = [](const Output& o) { return o.state == OutputState::kSucceeded; };
  if (next.outputs.empty() || std::ranges::any_of(next.outputs, there)) {
    next.progress = 1;
    finish(next, TaskState::kSucceeded, now);
    return next;
  }
  for (const Output& output : next.outputs) {
    if (output.error) {
      next.error = output.error;
      break;
    }
  }
  finish(next, TaskState::kFailed, now);
  return next;
}

Task after_failure(const Task& task, const Error& error, Millis now) {
  Task next = task;
  next.error = error;
  finish(next, TaskState::kFailed, now);
  return next;
}

Task after_cancel(const Task& task, Millis now) {
  Task next = task;
  next.error = Error{ErrorCode::kCancelled, "the task was cancelled", {}};
  finish(next, TaskState::kCancelled, now);
  return next;
}

Task after_retry(const Task& task, Millis now) {
  Task next = task;
  next.state = TaskState::kQueued;
  next.started = 0;
  next.finished = 0;
  next.updated = now;
  next.progress = 0;
  next.error.reset();
  next.result = kept_files(task);
  for (Output& output : next.outputs) {
    output.state = OutputState::kPending;
    output.progress = 0;
    output.error.reset();
    output.files.clear();
    output.facts.reset();
    output.rendition_facts.clear();
    output.notes.clear();
  }
  return next;
}

UnitKind media_unit(TaskKind kind) {
  return kind == TaskKind::kAnalyse ? UnitKind::kAnalyse : UnitKind::kEncode;
}

NewUnit first_unit(const TaskSpec& spec) {
  if (spec.kind == TaskKind::kExport) return {UnitKind::kExport, {}};
  if (spec.kind == TaskKind::kGenerate) {
    const auto remote = [](const Picture& picture) { return is_remote(picture); };
    return {std::ranges::any_of(generation_of(spec).pictures, remote) ? UnitKind::kFetch
                                                                      : UnitKind::kGenerate,
            {}};
  }
  const auto remote = [](const std::string& input) { return is_remote(input); };
  const bool fetches = remote(spec.input) || std::ranges::any_of(further_inputs(spec), remote);
  return {fetches ? UnitKind::kFetch : media_unit(spec.kind), {}};
}

std::vector<Output> outputs_of(const TaskSpec& spec) {
  std::vector<Output> outputs;
  const auto add = [&outputs](std::string_view name, OutputType type) {
    Output output;
    output.name = name;
    output.type = type;
    outputs.push_back(std::move(output));
  };
  for (const OutputSpec& wanted : spec.outputs) add(wanted.name, wanted.type);
  if (spec.kind == TaskKind::kExport) {
    add(name_of(export_spec_from(spec.options.at(kExportOption)).report), OutputType::kDocument);
  }
  if (spec.kind == TaskKind::kAnalyse) add("report", OutputType::kDocument);
  return outputs;
}

Millis retry_delay(int failures) {
  constexpr Millis kFirst = 2000;
  constexpr Millis kLongest = 300'000;
  return std::min(kLongest, kFirst << std::min(std::max(failures - 1, 0), 10));
}

}  // namespace telecine
