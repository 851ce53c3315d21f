#include <algorithm>
#include <cstdio>

#include "app/client.h"
#include "app/follow.h"
#include "app/output_options.h"
#include "app/show.h"
#include "app/upload.h"
#include "base/text.h"
#include "task/task.h"

namespace telecine::app {
namespace {

std::string task_path(const Arguments& arguments) {
  return "/api/v1/tasks/" + percent_encode(arguments.text("ID"));
}

void show_task(const Arguments& arguments, const json::value& document) {
  if (arguments.has("json"))
    print_json(document);
  else
    print_task(document);
}

Status add_metadata(const Arguments& arguments, json::object& body) {
  json::object metadata;
  for (const std::string& pair : arguments.list("metadata")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kInvalidParameter,
                  "--metadata must be name=value, not \"" + printable(pair, 80) + "\"");
    }
    metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!metadata.empty()) body["metadata"] = std::move(metadata);
  return {};
}

/// Everything of the request but the input.
Result<json::object> request_body(const Arguments& arguments) {
  json::object body;
  const std::string kind = arguments.find("kind").value_or("transcode");
  if (!value_named<TaskKind>(kind)) {
    return fail(ErrorCode::kInvalidParameter,
                "--kind must be " + names_listed<TaskKind>() + ", not \"" + kind + "\"");
  }
  body["kind"] = kind;
  auto wanted = wanted_outputs(arguments);
  if (!wanted) return std::unexpected(wanted.error());
  if (!wanted->template_name.empty()) body["template"] = wanted->template_name;
  if (!wanted->outputs.empty()) {
    json::array list;
    for (const OutputSpec& output : wanted->outputs) list.emplace_back(to_json(output));
    body["outputs"] = std::move(list);
  }
  if (kind == "probe" && body.size() > 1) {
    return fail(ErrorCode::kInvalidParameter, "a probe makes no outputs: leave out what to make");
  }
  if (const auto callback = arguments.find("callback")) body["callback_url"] = *callback;
  const auto priority = arguments.integer("priority", -10, 10);
  if (!priority) return std::unexpected(priority.error());
  if (*priority) body["priority"] = **priority;
  const auto attempts = arguments.integer("max-attempts", 1, 10);
  if (!attempts) return std::unexpected(attempts.error());
  if (*attempts) body["max_attempts"] = **attempts;
  if (arguments.has("accept-damaged")) body["accept_damaged"] = true;
  if (auto ok = add_metadata(arguments, body); !ok) return std::unexpected(ok.error());
  return body;
}

/// The input as the API names it; a file of this machine is uploaded first.
Result<std::string> input_of(const Client& client, const std::string& text) {
  if (text.find("://") != std::string::npos || text.starts_with(kFileIdScheme)) return text;
  return upload(client, text);
}

/// Says in the body what the task's source is: one input, or several that follow each other.
Status add_inputs(const Client& client, const Arguments& arguments, json::object& body) {
  auto first = input_of(client, arguments.text("INPUT"));
  if (!first) return std::unexpected(first.error());
  if (!arguments.has("then")) {
    body["input"] = *first;
    return {};
  }
  json::array inputs{json::object{{"input", *first}}};
  for (const std::string& each : arguments.list("then")) {
    auto next = input_of(client, each);
    if (!next) return std::unexpected(next.error());
    inputs.emplace_back(json::object{{"input", *next}});
  }
  body["inputs"] = std::move(inputs);
  return {};
}

int end_followed(const Arguments& arguments, const Client& client, const std::string& id) {
  const auto document = follow(client, id);
  if (!document) return report_call(document.error());
  show_task(arguments, *document);
  return exit_code_of_task(*document);
}

int submit_task(const Arguments& arguments) {
  auto body = request_body(arguments);
  if (!body) return report(body.error());
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  if (auto ok = add_inputs(*client, arguments, *body); !ok) return report_call(ok.error());
  object::Headers headers;
  if (const auto key = arguments.find("idempotency-key")) {
    headers.push_back({"Idempotency-Key", *key});
  }
  const json::value request = std::move(*body);
  const auto document = client->call_json("POST", "/api/v1/tasks", &request, headers);
  if (!document) return report_call(document.error());
  const std::string id = LooseReader(*document).text("id");
  if (arguments.has("wait")) {
    std::fprintf(stderr, "Submitted task %s\n", printable(id, 64).c_str());
    return end_followed(arguments, *client, id);
  }
  show_task(arguments, *document);
  if (!arguments.has("json")) {
    std::fprintf(stderr, "Follow it with: telecine watch %s\n", printable(id, 64).c_str());
  }
  return kDone;
}

int watch_task(const Arguments& arguments) {
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  return end_followed(arguments, *client, arguments.text("ID"));
}

int call_and_show(const Arguments& arguments, const char* method, const std::string& path) {
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  const auto document = client->call_json(method, path);
  if (!document) return report_call(document.error());
  show_task(arguments, *document);
  return kDone;
}

int get_task(const Arguments& arguments) {
  return call_and_show(arguments, "GET", task_path(arguments));
}

int cancel_task(const Arguments& arguments) {
  return call_and_show(arguments, "POST", task_path(arguments) + "/cancel");
}

int retry_task(const Arguments& arguments) {
  return call_and_show(arguments, "POST", task_path(arguments) + "/retry");
}

Result<json::array> read_tasks(const Client& client, const std::string& state, std::int64_t limit) {
  constexpr std::int64_t kPage = 200;
  json::array tasks;
  std::string cursor;
  while (static_cast<std::int64_t>(tasks.size()) < limit) {
    const auto left = limit - static_cast<std::int64_t>(tasks.size());
    std::string path = "/api/v1/tasks?limit=" + std::to_string(std::min(kPage, left));
    if (!state.empty()) path += "&state=" + percent_encode(state);
    if (!cursor.empty()) path += "&cursor=" + percent_encode(cursor);
    const auto page = client.call_json("GET", path);
    if (!page) return std::unexpected(page.error());
    const LooseReader in(*page);
    for (const auto& task : in.list("tasks")) tasks.push_back(task);
    cursor = in.text("next_cursor");
    if (cursor.empty()) break;
  }
  return tasks;
}

int list_tasks(const Arguments& arguments) {
  const std::string state = arguments.text("state");
  if (!state.empty() && !value_named<TaskState>(state)) {
    return report_usage("--state must be " + names_listed<TaskState>());
  }
  const auto limit = arguments.integer("limit", 1, 1'000'000);
  if (!limit) return report(limit.error());
  const auto client = Client::make(arguments);
  if (!client) return report(client.error());
  const auto tasks = read_tasks(*client, state, limit->value_or(20));
  if (!tasks) return report_call(tasks.error());
  if (arguments.has("json")) {
    print_json(json::object{{"tasks", *tasks}});
    return kDone;
  }
  for (const auto& task : *tasks) print_task_line(task);
  if (tasks->empty()) std::fprintf(stderr, "No tasks. Make one with: telecine submit FILE\n");
  return kDone;
}

Command submit_command() {
  std::vector<OptionSpec> options = output_options();
  const OptionSpec own[] = {
      {.name = "--kind", .value = "KIND", .help = "transcode, probe or analyse [transcode]"},
      {.name = "--callback", .value = "URL", .help = "Is told about the end by a webhook"},
      {.name = "--priority", .value = "N", .help = "-10 to 10, higher first [0]"},
      {.name = "--max-attempts", .value = "N", .help = "Runs before a task fails, 1 to 10 [3]"},
      {.name = "--then",
       .value = "INPUT",
       .help = "Another file or URL that follows the first; may be given again",
       .many = true},
      {.name = "--accept-damaged", .help = "Use a damaged source as far as it goes"},
      {.name = "-m,--metadata",
       .value = "K=V",
       .help = "A label of your own; any number",
       .many = true},
      {.name = "--idempotency-key",
       .value = "KEY",
       .help = "Repeating the same request with it makes no second task. For URLs: a file is "
               "uploaded anew each time and so is another request"},
      {.name = "-w,--wait", .help = "Follow the task to its end"},
  };
  options.insert(options.end(), std::begin(own), std::end(own));
  return {.name = "submit",
          .summary = "Submit a task",
          .details =
              "A file of this machine is uploaded first; an upload that breaks is "
              "continued.\n"
              "Without anything that says what to make, the template \"ladder\" is used.\n\n"
              "Examples:\n"
              "  telecine submit clip.mp4 --wait\n"
              "  telecine submit https://example.com/clip.mp4 --template mp4-720p\n"
              "  telecine submit clip.mp4 --height 480 --crf 26 --wait --json\n"
              "  telecine submit clip.mp4 --kind probe --wait",
          .positionals = {{.name = "INPUT",
                           .help = "A file, or a URL the server can read",
                           .required = true}},
          .options = with_client(std::move(options)),
          .run = submit_task};
}

Command id_command(std::string_view name, std::string_view summary, std::string_view details,
                   int (*run)(const Arguments&)) {
  return {.name = name,
          .summary = summary,
          .details = details,
          .positionals = {{.name = "ID", .help = "The task", .required = true}},
          .options = with_client({}),
          .run = run};
}

Command list_command() {
  std::vector<OptionSpec> own = {
      {.name = "--state",
       .value = "STATE",
       .help = "queued, downloading, running, uploading, succeeded, failed or cancelled"},
      {.name = "-n,--limit", .value = "N", .help = "How many at most [20]"}};
  return {.name = "list",
          .summary = "List tasks, newest first",
          .details = "Example:\n  telecine list --state failed --limit 100",
          .options = with_client(std::move(own)),
          .run = list_tasks};
}

}  // namespace

std::vector<Command> task_commands() {
  return {
      submit_command(),
      id_command("get", "Show a task",
                 "Example:\n  telecine get 000000000000000172ac53d07b1dbe5c --json", get_task),
      id_command("watch", "Follow a task to its end",
                 "Ends with 0 when the task succeeded, with 1 when it failed or was "
                 "cancelled.\n\n"
                 "Example:\n  telecine watch 000000000000000172ac53d07b1dbe5c",
                 watch_task),
      list_command(),
      id_command("cancel", "Cancel a task that has not ended",
                 "Example:\n  telecine cancel 000000000000000172ac53d07b1dbe5c", cancel_task),
      id_command("retry", "Queue a failed or cancelled task again",
                 "Example:\n  telecine retry 000000000000000172ac53d07b1dbe5c", retry_task),
  };
}

}  // namespace telecine::app
