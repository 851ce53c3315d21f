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
  // Links to remote stores have lives of their own.
  constexpr Millis kKept = 2000;
  const Millis until = task->spec.destination ? now_ms() + kKept : api.service.links_change();
  auto entry = cache.get(task, base, until, [&] {
    return DocumentCache::Document{
        std::make_shared<const std::string>(task_text(api.service, *task, base)),
        etag_of(api.service, task->version, task->state, task->updated)};
  });
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
    respond(text_response(200, task_text(api.service, **task, base)));
  };
}

void create_task(Api& api, Call& call) {
  auto request = task_request_from(call.request);
  if (!request) return call.respond(problem(request.error()));
  const std::string base = base_url(api, call.request);
  api.service.submit(call.caller, std::move(*request),
                     [&api, base, respond = call.respond](Result<Submitted> submitted) {
                       if (!submitted) return respond(problem(submitted.error()));
                       http::Response response;
                       response.status = 202;
                       response.content_type = "application/json";
                       response.body = [&api, base, task = submitted->task] {
                         return task_text(api.service, *task, base);
                       };
                       response.headers.set("Location",
                                            "/api/v1/tasks/" + submitted->task->id.hex());
                       if (submitted->replayed) response.headers.set("Idempotent-Replayed", "true");
                       respond(std::move(response));
                     });
}

/// An ended task straight from its stored text, where that is enough.
std::optional<http::Response> stored_response(const Api& api, const Store::Stored& stored,
                                              const std::string& base,
                                              std::string_view if_none_match,
                                              const std::string& account) {
  const std::string etag = etag_of(api.service, stored.version, stored.state, 0);
  http::Response response;
  if (!if_none_match.empty() && matches(if_none_match, etag)) {
    response.status = 304;
  } else {
    auto text = task_text(api.service, stored.view, account, base);
    if (!text) return std::nullopt;
    response = text_response(200, *std::move(text));
  }
  response.headers.set("ETag", etag);
  response.headers.set("Cache-Control", "private, no-cache");
  return response;
}

void read(Api& api, const Cache& cache, Call& call) {
  const auto id = id_of(call);
  if (!id) return;
  auto stored = api.service.peek(call.caller, *id);
  if (!stored) return call.respond(problem(stored.error()));
  const auto wait = wait_from(call.request);
  if (!wait) return call.respond(problem(wait.error()));
  const std::string base = base_url(api, call.request);
  const std::string known(call.request.headers.get("if-none-match"));
  if (!stored->cached && is_final(stored->state)) {
    auto response = stored_response(api, *stored, base, known, call.caller.account());
    if (response) return call.respond(*std::move(response));
  }
  auto task = stored->cached ? Result<TaskPtr>(std::move(stored->cached))
                             : api.service.get(call.caller, *id);
  if (!task) return call.respond(problem(task.error()));
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

void list_tasks(Api& api, Call& call) {
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
  std::string body = R"({"tasks":[)";
  for (const TaskPtr& task : page->tasks) {
    if (task != page->tasks.front()) body += ',';
    body += task_text(api.service, *task, base);
  }
  body += R"(],"next_cursor":)";
  body += page->next > 0 ? "\"" + cursor_text(page->next) + "\"}" : "null}";
  call.respond(text_response(200, std::move(body)));
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
             guarded(api, Scope::kWrite, [&api](Call& call) { create_task(api, call); }));
  router.add(Method::kGet, "/api/v1/tasks",
             guarded(api, Scope::kRead, [&api](Call& call) { list_tasks(api, call); }));
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
