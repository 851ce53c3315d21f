#include "dialect/feishu/call.h"

#include <algorithm>

namespace telecine::feishu {
namespace {

bool holds_any(const Identity& identity, const std::vector<std::string>& wanted) {
  return std::ranges::any_of(wanted, [&](const std::string& scope) {
    return std::ranges::find(*identity.scopes, scope) != identity.scopes->end();
  });
}

/// The answer to a call that lacks a scope. A person lacks a privilege, an app a scope.
http::Response lacking(const Call& call, const std::string& scope, const std::string& app_type) {
  const bool person = !call.identity.user.empty();
  return failure(call.api, person ? Fault::kNoUserScope : Fault::kNoAppScope,
                 {.field = {},
                  .scope_type = person ? "action_privilege_required" : app_type,
                  .scopes = {scope}});
}

http::Response too_many(const Api& api, const WindowState& window) {
  auto response = failure(api, Fault::kTooMany);
  const std::string reset = std::to_string(window.reset_s);
  response.headers.set("x-ogw-ratelimit-limit", std::to_string(api.options.rate_per_minute));
  response.headers.set("x-ogw-ratelimit-reset", reset);
  response.headers.set("Retry-After", reset);
  return response;
}

}  // namespace

bool Call::may(const std::string& scope, const std::string& app_type) const {
  if (holds_any(identity, {scope})) return true;
  respond(lacking(*this, scope, app_type));
  return false;
}

http::Handler guarded(const Api& api, std::string route, std::vector<std::string> scopes,
                      CallHandler handler) {
  return [&api, route = std::move(route), scopes = std::move(scopes), handler = std::move(handler)](
             http::Request& request, http::Params params, const http::Responder& respond) {
    auto identity = identify(api, request.headers.get("authorization"), now_ms() / 1000);
    if (!identity) return respond(failure(api, identity.error()));
    const std::string bucket = "feishu|" + identity->app.id + "|" + route;
    const auto window = api.service.take_window(bucket, api.options.rate_per_minute);
    if (!window.allowed) return respond(too_many(api, window));
    Call call{api, request, std::move(params), std::move(*identity), respond};
    if (!holds_any(call.identity, scopes)) {
      return respond(lacking(call, scopes.front(), "action_scope_required"));
    }
    handler(call);
  };
}

}  // namespace telecine::feishu
