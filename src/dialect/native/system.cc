#include "dialect/native/errors.h"
#include "dialect/native/openapi.h"
#include "dialect/native/routes.h"

namespace telecine::native {
namespace {

void object(Api& api, http::Request& request, const http::Params& params,
            const http::Responder& respond) {
  const std::string name(params["name"]);
  auto found = api.service.open_object(http::name_of(request.method), std::string(params["id"]),
                                       name, request.query_parameter("Expires").value_or(""),
                                       request.query_parameter("Signature").value_or(""));
  if (!found) return respond(problem(found.error()));
  http::Response response;
  response.content_type = found->type;
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Cache-Control", "private, max-age=3600");
  // Links are for browsers too, and they carry their own permission.
  response.headers.set("Access-Control-Allow-Origin", "*");
  if (found->placeholder) {
    response.headers.set("Telecine-Placeholder", std::string(kAnimaticShort));
  }
  if (request.query_parameter("download")) {
    const auto slash = name.rfind('/');
    response.headers.set("Content-Disposition",
                         "attachment; filename=\"" + name.substr(slash + 1) + "\"");
  }
  if (found->playlist)
    response.body = std::move(*found->playlist);
  else {
    response.body = http::FileBody{std::move(found->fd), found->size, found->modified, found->etag};
  }
  respond(std::move(response));
}

void ready(Api& api, const http::Responder& respond) {
  const auto ok = api.service.ready();
  respond(ok ? http::Response::text(200, "text/plain", "ready\n") : problem(ok.error()));
}

void health(Api& api, const http::Responder& respond) {
  json::object body = api.health ? api.health() : json::object();
  const auto ok = api.service.ready();
  body["ready"] = ok.has_value();
  if (!ok) body["reason"] = ok.error().message;
  body["version"] = api.service.options().version;
  respond(json_response(200, body));
}

}  // namespace

http::Response json_response(int status, const json::value& body) {
  return http::Response::text(status, "application/json", json::serialize(body));
}

http::Response text_response(int status, std::string json) {
  return http::Response::text(status, "application/json", std::move(json));
}

std::optional<Id> id_of(Call& call) {
  const auto id = Id::from_hex(call.params["id"]);
  if (!id) {
    call.respond(problem(404, ErrorCode::kNotFound,
                         "there is nothing with this id: ids are 32 "
                         "hex digits"));
  }
  return id;
}

void mount_system(http::Router& router, Api& api) {
  using http::Method;
  router.add(Method::kGet, "/objects/{id}/{name...}",
             [&api](http::Request& request, const http::Params& params,
                    const http::Responder& respond) { object(api, request, params, respond); });
  router.add(Method::kGet, "/livez", [](http::Request&, const http::Params&, const auto& respond) {
    respond(http::Response::text(200, "text/plain", "alive\n"));
  });
  router.add(
      Method::kGet, "/readyz",
      [&api](http::Request&, const http::Params&, const auto& respond) { ready(api, respond); });
  router.add(
      Method::kGet, "/healthz",
      [&api](http::Request&, const http::Params&, const auto& respond) { health(api, respond); });
  router.add(
      Method::kGet, "/metrics", [&api](http::Request&, const http::Params&, const auto& respond) {
        respond(
            http::Response::text(200, "text/plain; version=0.0.4; charset=utf-8",
                                 api.service.metrics().text(api.connections ? api.connections() : 0,
                                                            api.service.watch().subscribers())));
      });
  router.add(
      Method::kGet, "/openapi.json", [](http::Request&, const http::Params&, const auto& respond) {
        respond(http::Response::text(200, "application/json", std::string(openapi_document())));
      });
}

void mount(http::Router& router, Api& api) {
  mount_tasks(router, api, std::make_shared<DocumentCache>());
  mount_events(router, api);
  mount_files(router, api);
  mount_uploads(router, api);
  mount_meetings(router, api);
  mount_templates(router, api);
  mount_keys(router, api);
  mount_callbacks(router, api);
  mount_system(router, api);
}

std::string callback_body(Api& api, const Delivery& delivery, const Task& task) {
  return R"({"type":")" + delivery.type + R"(","timestamp":")" + rfc3339(now_ms()) +
         R"(","data":)" + task_text(api.service, task, api.callback_base) + "}";
}

}  // namespace telecine::native
