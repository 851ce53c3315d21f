#include "task/task.h"

#include "base/json.h"

namespace telecine {
bool can_move(TaskState from, TaskState to) {
  if (is_final(from)) {
    return to == TaskState::kQueued &&
           (from == TaskState::kFailed || from == TaskState::kCancelled);
  }
  return static_cast<int>(to) > static_cast<int>(from);
}

json::object to_json(const TaskSpec& spec) {
  json::object o;
  o["kind"] = name_of(spec.kind);
  o["input"] = spec.input;
  o["template"] = spec.template_name;
  json::array outputs;
  for (const OutputSpec& output : spec.outputs) outputs.emplace_back(to_json(output));
  o["outputs"] = std::move(outputs);
  o["callback_url"] = spec.callback_url;
  o["priority"] = spec.priority;
  o["max_attempts"] = spec.max_attempts;
  json::object metadata;
  for (const auto& [key, value] : spec.metadata) metadata[key] = value;
  o["metadata"] = std::move(metadata);
  return o;
}

TaskSpec task_spec_from(const json::value& value) {
  const LooseReader in(value);
  TaskSpec spec;
  spec.kind = value_named<TaskKind>(in.text("kind")).value_or(spec.kind);
  spec.input = in.text("input");
  spec.template_name = in.text("template");
  for (const auto& item : in.list("outputs")) {
    if (auto output = output_spec_from(item, "")) spec.outputs.push_back(std::move(*output));
  }
  spec.callback_url = in.text("callback_url");
  spec.priority = in.small("priority");
  spec.max_attempts = in.small("max_attempts");
  if (const auto* metadata = in.at("metadata"); metadata != nullptr && metadata->is_object()) {
    for (const auto& item : metadata->get_object()) {
      spec.metadata[std::string(item.key())] = std::string(item.value().as_string());
    }
  }
  return spec;
}

json::object to_json(const Task& task) {
  json::object o;
  o["account"] = task.account;
  o["origin"] = task.origin;
  o["spec"] = to_json(task.spec);
  o["state"] = name_of(task.state);
  o["created"] = task.created;
  o["started"] = task.started;
  o["finished"] = task.finished;
  o["updated"] = task.updated;
  o["progress"] = task.progress;
  o["attempts"] = task.attempts;
  if (task.source) o["source"] = to_json(*task.source);
  json::array outputs;
  for (const Output& output : task.outputs) outputs.emplace_back(to_json(output));
  o["outputs"] = std::move(outputs);
  if (task.error) o["error"] = to_json(*task.error);
  return o;
}

Result<Task> task_from(const json::value& value, Id id, std::int64_t version) {
  const LooseReader in(value);
  const auto state = value_named<TaskState>(in.text("state"));
  if (!state) return fail(ErrorCode::kInternal, "a stored task has no state");
  Task task;
  task.id = id;
  task.version = version;
  task.state = *state;
  task.account = in.text("account");
  task.origin = in.text("origin");
  if (const auto* spec = in.at("spec")) task.spec = task_spec_from(*spec);
  task.created = in.integer("created");
  task.started = in.integer("started");
  task.finished = in.integer("finished");
  task.updated = in.integer("updated");
  task.progress = in.number("progress");
  task.attempts = in.small("attempts");
  if (const auto* source = in.at("source")) task.source = media_facts_from(*source);
  for (const auto& item : in.list("outputs")) task.outputs.push_back(output_from(item));
  if (const auto* error = in.at("error")) task.error = error_from(*error);
  return task;
}

json::object to_json(const Event& event) {
  json::object o;
  o["seq"] = event.seq;
  o["task"] = event.task.hex();
  o["at"] = rfc3339(event.at);
  o["type"] = event.type;
  o["state"] = name_of(event.state);
  if (event.error) o["error"] = to_json(*event.error);
  return o;
}

}  // namespace telecine
