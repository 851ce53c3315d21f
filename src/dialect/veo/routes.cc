#include <algorithm>
#include <array>

#include "dialect/veo/auth.h"
#include "dialect/veo/documents.h"
#include "dialect/veo/errors.h"
#include "dialect/veo/requests.h"

namespace telecine::veo {
namespace {

constexpr std::int64_t kMaxBody = 64LL << 20;
/// Clients generated from the published description call its placeholder.
constexpr auto kPrefixes = std::to_array<std::string_view>({"", "/BASE_URL"});
constexpr auto kOwned = std::to_array<std::string_view>(
    {"/google/v1/", "/BASE_URL/", "/v1/video/create", "/v1/video/query", "/v2/videos/"});

/// A task as one of the envelopes shows it.
using Render = json::object (*)(const Service&, const Task&, const std::string&);

json::object full(const Service& service, const Task& task, const std::string& base) {
  return envelope(task_document(service, task, base));
}
json::object id_only(const Service&, const Task& task, const std::string&) {
  return envelope(json::value(uuid_of(task.id)));
}

http::Response answer(const Api& api, const Task& task, const std::string& base, Render render) {
  auto response = http::Response::text(200, "application/json",
                                       json::serialize(render(api.service, task, base)));
  if (is_placeholder(task.spec)) {
    response.headers.set("Telecine-Placeholder", std::string(kAnimaticShort));
  }
  return response;
}

/// The caller's generation of that id. Tasks of other kinds are none of this form's.
Result<TaskPtr> find(const Api& api, const Caller& caller, std::string_view text) {
  const auto id = id_from(text);
  if (!id) return fail(ErrorCode::kNotFound, "there is no such task");
  auto task = api.service.get(caller, *id);
  if (task && (*task)->spec.kind != TaskKind::kGenerate) {
    return fail(ErrorCode::kNotFound, "there is no such task");
  }
  return task;
}

void create(Api& api, Call& call, Render render) {
  auto request = create_request_from(call.request);
  if (!request) return call.respond(error_of(request.error()));
  api.service.submit(call.caller, std::move(*request),
                     [&api, render, base = api.base_url(call.request),
                      respond = call.respond](Result<Submitted> submitted) {
                       if (!submitted) return respond(error_of(submitted.error()));
                       respond(answer(api, *submitted->task, base, render));
                     });
}

void query(const Api& api, Call& call, std::string_view id, Render render) {
  const auto task = find(api, call.caller, id);
  if (!task) return call.respond(error_of(task.error()));
  call.respond(answer(api, **task, api.base_url(call.request), render));
}

void fetch(const Api& api, Call& call) {
  const auto ids = ids_from(call.request);
  if (!ids) return call.respond(error_of(ids.error()));
  const std::string base = api.base_url(call.request);
  json::array tasks;
  for (const std::string& id : *ids) {
    if (const auto task = find(api, call.caller, id)) {
      tasks.emplace_back(task_document(api.service, **task, base));
    }
  }
  call.respond(
      http::Response::text(200, "application/json", json::serialize(envelope(std::move(tasks)))));
}

void cancel(Api& api, Call& call) {
  const auto task = find(api, call.caller, call.params["id"]);
  if (!task) return call.respond(error_of(task.error()));
  api.service.cancel(call.caller, (*task)->id,
                     [&api, before = *task, base = api.base_url(call.request),
                      respond = call.respond](Result<TaskPtr> after) {
                       // One that has ended already is shown as it ended.
                       const bool over = !after && after.error().code == ErrorCode::kConflict;
                       if (!after && !over) return respond(error_of(after.error()));
                       const auto now =
                           after ? *after : api.service.store().get(before->id).value_or(before);
                       respond(answer(api, *now, base, full));
                     });
}

void add_create(http::Router& router, Api& api, const std::string& path, Render render) {
  router.add(http::Method::kPost, path,
             guarded(api, Scope::kWrite, [&api, render](Call& call) { create(api, call, render); }),
             {.max_body = kMaxBody, .stream = {}});
}

void add_query(http::Router& router, Api& api, const std::string& path, Render render) {
  router.add(http::Method::kGet, path, guarded(api, Scope::kRead, [&api, render](Call& call) {
               query(api, call, call.params["id"], render);
             }));
}

}  // namespace

void mount(http::Router& router, Api& api) {
  for (const auto prefix : kPrefixes) {
    const std::string root = std::string(prefix) + "/google/v1";
    add_create(router, api, root + "/models/veo/videos", id_only);
    add_query(router, api, root + "/models/veo/videos/{id}", full);
    add_query(router, api, root + "/tasks/{id}", full);
    router.add(http::Method::kPost, root + "/tasks/fetch",
               guarded(api, Scope::kRead, [&api](Call& call) { fetch(api, call); }));
    router.add(http::Method::kPost, root + "/tasks/{id}/cancel",
               guarded(api, Scope::kWrite, [&api](Call& call) { cancel(api, call); }));
  }
  add_create(router, api, "/v1/video/create", video_document);
  router.add(http::Method::kGet, "/v1/video/query", guarded(api, Scope::kRead, [&api](Call& call) {
               query(api, call, call.request.query_parameter("id").value_or(""), video_document);
             }));
  add_create(router, api, "/v2/videos/generations", flat_document);
  add_query(router, api, "/v2/videos/generations/{id}", flat_document);
}

std::string callback_body(const Api& api, const Task& task) {
  return json::serialize(full(api.service, task, api.callback_base));
}

bool owns(std::string_view path) {
  return std::ranges::any_of(kOwned, [&](auto prefix) { return path.starts_with(prefix); });
}

http::Response refusal(int status, std::string_view detail) {
  return envelope_error(status, status >= 500 ? "unavailable" : "invalid_request", detail);
}

}  // namespace telecine::veo
