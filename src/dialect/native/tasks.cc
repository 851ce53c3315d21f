#include <algorithm>

#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/requests.h"
#include "dialect/native/routes.h"

namespace telecine::native {
namespace {

using Cache = std::shared_ptr<DocumentCache>;

bool matches(std::string_view if_none_match, std::string_view etag) {
  for (auto part : split(if_none_match, ',')) {
    part = trim(part);
    if (part.starts_with("W/")) part.remove_prefix(2);
    if (part == etag || part == "*") return true;
  }
  return false;
}

http::Response task_response(const Api& api, DocumentCache& cache, const TaskPtr& task,
                             const std::string& base, std::string_view if_none_match) {
  auto entry = cache.get(api.service, task, base);
  http::Response response;
  if (!if_none_match.empty() && matches(if_none_match, entry.etag)) {
    response.status = 304;
  } else {
    response = http::Response::cached("application/json", std::move(entry.body));
  }
  response.headers.set("ETag", entry.etag);
  response.headers.set("Cache-Control", "private, no-cache");
  return response;
}

/// Answers with the changed task or the problem.
Store::Done<TaskPtr> answer_task(Api& api, const Call& call) {
  return [&api, respond = call.respond, base = base_url(api, call.request)](Result<TaskPtr> task) {
    if (!task) return respond(problem(task.error()));
    respond(json_response(200, task_document(api.service, **task, base)));
  };
}

void create(Api& api, Call& call) {
  auto request = task_request_from(call.request);
  if (!request) return call.respond(problem(request.error()));
  const std::string base = base_url(api, call.request);
  api.service.submit(
      call.caller, std::move(*request),
      [&api, base, respond = call.respond](Result<Submitted> submitted) {
        if (!submitted) return respond(problem(submitted.error()));
        auto response = json_response(202, task_document(api.service, *submitted->task, base));
        response.headers.set("Location", "/api/v1/tasks/" + submitted->task->id.hex());
        if (submitted->replayed) response.headers.set("Idempotent-Replayed", "true");
        respond(std::move(response));
      });
}

void read(Api& api, const Cache& cache, Call& call) {
  const auto id = id_of(call);
  if (!id) return;
  auto task = api.service.get(call.caller, *id);
  if (!task) return call.respond(problem(task.error()));
  const auto wait = wait_from(call.request);
  if (!wait) return call.respond(problem(wait.error()));
  const std::string base = base_url(api, call.request);
  const std::string known(call.request.headers.get("if-none-match"));
  if (*wait == 0 || is_final((*task)->state)) {
    return call.respond(task_response(api, *cache, *task, base, known));
  }
  api.service.watch().wait_final(
      *id, *wait, [&api, cache, base, known, respond = call.respond](const TaskPtr& now) {
        if (!now) return respond(problem(404, ErrorCode::kNotFound, "there is no such task"));
        auto response = task_response(api, *cache, now, base, known);
        response.headers.set("Preference-Applied", "wait");
        respond(std::move(response));
      });
}

void list(Api& api, Call& call) {
  const auto limit = limit_from(call.request);
  if (!limit) return call.respond(problem(limit.error()));
  const auto cursor = cursor_from(call.request);
  if (!cursor) return call.respond(problem(cursor.error()));
  std::optional<TaskState> state;
  if (const auto word = call.request.query_parameter("state")) {
    state = value_named<TaskState>(*word);
    if (!state) {
      return call.respond(
          problem({ErrorCode::kInvalidParameter, "must be " + names_listed<TaskState>(), "state"}));
    }
  }
  auto page = api.service.list(call.caller, state, *cursor, *limit);
  if (!page) return call.respond(problem(page.error()));
  const std::string base = base_url(api, call.request);
  json::array tasks;
  for (const TaskPtr& task : page->tasks) {
    tasks.emplace_back(task_document(api.service, *task, base));
  }
  json::object body{{"tasks", std::move(tasks)}, {"next_cursor", nullptr}};
  if (page->next > 0) body["next_cursor"] = cursor_text(page->next);
  call.respond(json_response(200, body));
}

void history(Api& api, Call& call) {
  const auto id = id_of(call);
  if (!id) return;
  auto events = api.service.history(call.caller, *id);
  if (!events) return call.respond(problem(events.error()));
  json::array list;
  for (const Event& event : *events) list.emplace_back(to_json(event));
  call.respond(json_response(200, json::object{{"events", std::move(list)}}));
}

}  // namespace

void mount_tasks(http::Router& router, Api& api, Cache cache) {
  using http::Method;
  router.add(Method::kPost, "/api/v1/tasks",
             guarded(api, Scope::kWrite, [&api](Call& call) { create(api, call); }));
  router.add(Method::kGet, "/api/v1/tasks",
             guarded(api, Scope::kRead, [&api](Call& call) { list(api, call); }));
  router.add(Method::kGet, "/api/v1/tasks/{id}",
             guarded(api, Scope::kRead, [&api, cache](Call& call) { read(api, cache, call); }));
  router.add(Method::kGet, "/api/v1/tasks/{id}/history",
             guarded(api, Scope::kRead, [&api](Call& call) { history(api, call); }));
  router.add(Method::kPost, "/api/v1/tasks/{id}/cancel",
             guarded(api, Scope::kWrite, [&api](Call& call) {
               if (const auto id = id_of(call)) {
                 api.service.cancel(call.caller, *id, answer_task(api, call));
               }
             }));
  router.add(Method::kPost, "/api/v1/tasks/{id}/retry",
             guarded(api, Scope::kWrite, [&api](Call& call) {
               if (const auto id = id_of(call)) {
                 api.service.retry(call.caller, *id, answer_task(api, call));
               }
             }));
}

}  // namespace telecine::native
