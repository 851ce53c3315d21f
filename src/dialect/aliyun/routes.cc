#include <algorithm>

#include "base/text.h"
#include "dialect/aliyun/actions.h"
#include "dialect/aliyun/aliyun.h"
#include "dialect/aliyun/answers.h"
#include "dialect/aliyun/auth.h"
#include "dialect/aliyun/documents.h"

namespace telecine::aliyun {
namespace {

/// Above the protocol's own limit, so that a body beyond that is answered in its words.
constexpr std::int64_t kMostRead = 4 << 20;

http::Response refused(Api& api, const http::Request& request, const Refusal& refusal) {
  return refusal_answer(refusal, format_of(request), request.headers.get("host"),
                        api.base_url(request) + std::string(kErrorPages) + name_of(refusal));
}

void take_call(Api& api, http::Request& request, const http::Responder& respond) {
  auto call = read_call(request);
  if (!call) return respond(refused(api, request, call.error()));
  if (request.method != http::Method::kGet && request.method != http::Method::kPost) {
    return respond(refused(api, request, {Code::kUnsupportedMethod}));
  }
  const Action* action = find_action(call->action);
  if (action == nullptr) return respond(refused(api, request, {Code::kUnknownAction}));
  auto admitted = admit(api, request, *call, action->scope, now_ms());
  if (!admitted) return respond(refused(api, request, admitted.error()));
  if (action->run == nullptr) {
    return respond(refused(api, request, {Code::kServiceNotSelected}));
  }
  action->run(std::make_shared<const Context>(
      Context{api, std::move(*call), std::move(admitted->caller), std::move(admitted->nonce),
              api.base_url(request), std::string(request.headers.get("host")), respond}));
}

void front_door(Api& api, http::Request& request, http::Params params, http::Responder respond) {
  if (is_call(request)) return take_call(api, request, respond);
  if (api.elsewhere) return api.elsewhere(request, std::move(params), std::move(respond));
  respond(refused(api, request, {Code::kUnknownAction}));
}

void process_result(Api& api, const http::Request& request, const http::Params& params,
                    const http::Responder& respond) {
  const std::string file(params["file"]);
  const auto number = file.ends_with(".txt")
                          ? parse_int(std::string_view(file).substr(0, file.size() - 4))
                          : std::nullopt;
  auto found =
      api.service.open_result(http::name_of(request.method), "/processResult/" + file,
                              number.value_or(0), request.query_parameter("Expires").value_or(""),
                              request.query_parameter("Signature").value_or(""));
  http::Response response;
  if (!found) {
    const int status = found.error().code == ErrorCode::kForbidden  ? 403
                       : found.error().code == ErrorCode::kNotFound ? 404
                                                                    : 503;
    response = http::Response::text(status, "text/plain;charset=utf-8", found.error().message);
  } else {
    response.content_type = "text/plain;charset=utf-8";
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.body = http::FileBody{std::move(found->fd), found->size, found->modified, found->etag};
  }
  add_cors(response);
  respond(std::move(response));
}

/// What an error's "Recommend" leads to.
void error_page(const http::Params& params, const http::Responder& respond) {
  const std::string_view name = params["code"];
  for (const CodeRow& row : code_table()) {
    const std::string known = name_of(Refusal{row.code, "…"});
    const bool prefixed = row.code == Code::kMissing && name.starts_with("Missing");
    if (known != name && !prefixed) continue;
    if (prefixed && name == row_of(Code::kMissingParameter).name) continue;
    const std::string about = prefixed ? std::string(name.substr(7)) : "…";
    return respond(http::Response::text(200, "text/plain;charset=utf-8",
                                        printable(name, 100) + " (HTTP " +
                                            std::to_string(row.status) + ")\n" +
                                            printable(message_of({row.code, about}), 1000) + "\n"));
  }
  respond(http::Response::text(404, "text/plain;charset=utf-8", "There is no such code.\n"));
}

}  // namespace

void mount(http::Router& router, Api& api) {
  using http::Method;
  http::RouteOptions options;
  options.max_body = kMostRead;
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete}) {
    router.add(
        method, "/",
        [&api](http::Request& request, http::Params params, http::Responder respond) {
          front_door(api, request, std::move(params), std::move(respond));
        },
        options);
  }
  router.add(Method::kOptions, "/", [](http::Request&, const http::Params&, const auto& respond) {
    respond(preflight());
  });
  router.add(Method::kGet, "/processResult/{file}",
             [&api](http::Request& request, const http::Params& params, const auto& respond) {
               process_result(api, request, params, respond);
             });
  router.add(Method::kGet, std::string(kErrorPages) + "{code}",
             [](http::Request&, const http::Params& params, const auto& respond) {
               error_page(params, respond);
             });
}

std::string callback_body(const Api& api, const Task& task) {
  const bool succeeded = task.state == TaskState::kSucceeded;
  json::object body = result_document(
      task, make_request_id(), succeeded ? result_url(api, task, api.callback_base) : "", {});
  body["TaskId"] = task.id.key;
  return json::serialize(body);
}

}  // namespace telecine::aliyun
