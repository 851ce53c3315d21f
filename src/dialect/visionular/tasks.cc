#include <algorithm>
#include <array>

#include "base/text.h"
#include "dialect/visionular/documents.h"
#include "dialect/visionular/routes.h"
#include "dialect/visionular/templates.h"

namespace telecine::visionular {
namespace {

constexpr auto kHidden = "visionular-hidden";
constexpr std::array<std::string_view, 6> kSchemes = {"http://", "https://", "s3://",
                                                      "oss://",  "obs://",   "cos://"};
constexpr std::size_t kMostOutput = 900;
constexpr std::int64_t kMostCount = 1000;
constexpr std::int64_t kUsualCount = 50;
/// Later than any time in seconds that somebody means: 5138.
constexpr std::int64_t kSurelyMillis = 100'000'000'000;

std::string with_extension(std::string output, const Template& made) {
  const auto slash = output.rfind('/');
  const auto dot = output.find('.', slash == std::string::npos ? 0 : slash);
  return dot == std::string::npos ? output + "." + made.extension() : output;
}

Answer<const Template*> usable_template(const std::string& name) {
  const Template* made = template_named(name);
  if (made == nullptr) return refuse(Code::kEmpty, "there is no template of this name");
  if (made->can_be_made()) return made;
  return refuse(Code::kBad, "unsupported: this installation encodes H.264 in MP4 and HLS only");
}

/// Everything of create_task but its look-ups.
struct Creation {
  std::string template_name;
  std::string input;
  std::string output;
  std::string storage_id;
  std::string custom_info;
};

Answer<Creation> creation_from(const Parameters& parameters) {
  Creation creation;
  for (const auto& [name, member] :
       {std::pair{"template_name", &Creation::template_name}, std::pair{"input", &Creation::input},
        std::pair{"output", &Creation::output}, std::pair{"storage_id", &Creation::storage_id}}) {
    auto value = parameters.required(name);
    if (!value) return std::unexpected(value.error());
    creation.*member = std::move(*value);
  }
  auto info = parameters.text("custom_info");
  if (!info) return std::unexpected(info.error());
  creation.custom_info = info->value_or("");
  const auto fits = [&](std::string_view scheme) { return creation.input.starts_with(scheme); };
  if (std::ranges::none_of(kSchemes, fits)) {
    return refuse(Code::kBad, "input must be an http, https, s3, oss, obs or cos URL");
  }
  if (creation.output.size() > kMostOutput) {
    return refuse(Code::kBad, "output may have at most 900 bytes");
  }
  return creation;
}

void create(const Call& call) {
  auto creation = creation_from(call.parameters);
  if (!creation) return call.fail(creation.error());
  auto made = usable_template(creation->template_name);
  if (!made) return call.fail(made.error());
  auto storage = call.api.service.storages().find(call.caller.account(), creation->storage_id);
  if (!storage) return call.fail(refusal_of(storage.error()));

  TaskRequest request;
  request.origin = kOrigin;
  request.input = std::move(creation->input);
  request.outputs = {output_of(**made)};
  request.destination =
      Destination{.storage = storage->id, .name = with_extension(creation->output, **made)};
  request.callback_url = storage->notify;
  request.dialect =
      to_json(Remembered{(*made)->id(), (*made)->name, std::move(creation->custom_info)});
  // A repeated request is answered with the task it made the first time.
  if (!call.fingerprint.empty()) {
    request.idempotency_key = "visionular:" + call.fingerprint;
    request.body_hash = call.fingerprint;
  }
  call.api.service.submit(call.caller, std::move(request), [call](Result<Submitted> submitted) {
    if (!submitted) return call.fail(refusal_of(submitted.error()));
    call.succeed(json::object{{"task_id", submitted->task->id.hex()}});
  });
}

bool is_hidden(const Call& call, const Task& task) {
  return call.api.service.store().get_record(kHidden, task.account, task.id.hex()).has_value();
}

Answer<TaskPtr> wanted(const Call& call) {
  auto text = call.parameters.required("task_id");
  if (!text) return std::unexpected(text.error());
  const auto id = Id::from_hex(*text);
  auto task = id ? call.api.service.get(call.caller, *id)
                 : Result<TaskPtr>(telecine::fail(ErrorCode::kNotFound, "no task's id"));
  if (!task) return std::unexpected(refusal_of(task.error()));
  if (is_hidden(call, **task)) return refuse(Code::kEmpty, "the task was deleted");
  return *task;
}

void query(const Call& call) {
  auto task = wanted(call);
  if (!task) return call.fail(task.error());
  call.succeed(task_document(call.api.service, **task, call.generation, call.base));
}

void hide(const Call& call, Id id) {
  call.api.service.store().put_record(kHidden, call.caller.account(), id.hex(), {}, false,
                                      [call](Result<bool> put) {
                                        if (put) return call.succeed(nullptr);
                                        call.fail(refusal_of(put.error()));
                                      });
}

void remove(const Call& call) {
  auto task = wanted(call);
  if (!task) return call.fail(task.error());
  const Id id = (*task)->id;
  if (is_final((*task)->state)) return hide(call, id);
  call.api.service.cancel(call.caller, id, [call, id](Result<TaskPtr> cancelled) {
    // It may have ended by itself a moment ago.
    const bool ended = cancelled || cancelled.error().code == ErrorCode::kConflict;
    if (ended) return hide(call, id);
    call.fail(refusal_of(cancelled.error()));
  });
}

/// What list_task asks for, in seconds.
struct Window {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t skip = 0;
  std::int64_t count = kUsualCount;
  std::vector<TaskState> states;  ///< none: all
};

std::int64_t to_seconds(std::int64_t time) {
  return time > kSurelyMillis ? time / 1000 : time;
}

/// The first of two spellings that is there.
Answer<std::optional<std::int64_t>> either(const Parameters& parameters, std::string_view name,
                                           std::string_view synonym) {
  auto value = parameters.integer(name);
  return value && !*value ? parameters.integer(synonym) : value;
}

Answer<Window> window_from(const Parameters& parameters) {
  const auto start = parameters.required_integer("start_time");
  if (!start) return std::unexpected(start.error());
  const auto end = parameters.required_integer("end_time");
  if (!end) return std::unexpected(end.error());
  Window window{to_seconds(*start), to_seconds(*end), 0, kUsualCount, {}};
  if (window.end < window.start) return refuse(Code::kBad, "end_time is before start_time");
  const auto skip = either(parameters, "start_num", "skip");
  if (!skip) return std::unexpected(skip.error());
  const auto count = either(parameters, "count", "limit");
  if (!count) return std::unexpected(count.error());
  window.skip = skip->value_or(0);
  window.count = count->value_or(kUsualCount);
  if (window.skip < 0) return refuse(Code::kBad, "start_num must not be negative");
  if (window.count < 1 || window.count > kMostCount) {
    return refuse(Code::kBad, "count must be from 1 to 1000");
  }
  const auto status = parameters.text("status");
  if (!status) return std::unexpected(status.error());
  if (*status) {
    window.states = states_of(**status);
    if (window.states.empty()) return refuse(Code::kBad, "status is none of the known words");
  }
  return window;
}

Answer<std::vector<TaskPtr>> tasks_in(const Call& call, const Window& window) {
  constexpr int kAtOnce = 500;
  std::vector<TaskPtr> found;
  for (std::int64_t cursor = 0;;) {
    auto page = call.api.service.list(call.caller, std::nullopt, cursor, kAtOnce);
    if (!page) return std::unexpected(refusal_of(page.error()));
    for (const TaskPtr& task : page->tasks) {
      const std::int64_t created = task->created / 1000;
      if (created < window.start) return found;  // the newest come first
      const bool fits = created <= window.end &&
                        (window.states.empty() ||
                         std::ranges::find(window.states, task->state) != window.states.end());
      if (fits && !is_hidden(call, *task)) found.push_back(task);
    }
    if (page->next == 0) return found;
    cursor = page->next;
  }
}

void list(const Call& call) {
  const auto window = window_from(call.parameters);
  if (!window) return call.fail(window.error());
  const auto tasks = tasks_in(call, *window);
  if (!tasks) return call.fail(tasks.error());
  json::array items;
  const auto total = static_cast<std::int64_t>(tasks->size());
  const std::int64_t end = std::min(total, window->skip + window->count);
  for (std::int64_t i = std::min(window->skip, total); i < end; ++i) {
    items.emplace_back(task_document(call.api.service, *(*tasks)[static_cast<std::size_t>(i)],
                                     call.generation, call.base));
  }
  const auto count = items.size();
  call.succeed(json::object{{"list", std::move(items)}, {"num", count}, {"total", total}});
}

}  // namespace

void mount_tasks(http::Router& router, Api& api) {
  using http::Method;
  add_call(router, api, Method::kPost, "create_task", Scope::kWrite, create);
  add_call(router, api, Method::kGet, "query_task", Scope::kRead, query);
  add_call(router, api, Method::kGet, "list_task", Scope::kRead, list);
  add_call(router, api, Method::kDelete, "del_task", Scope::kWrite, remove);
}

}  // namespace telecine::visionular
