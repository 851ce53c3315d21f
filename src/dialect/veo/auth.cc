#include "dialect/veo/auth.h"

#include "base/crypto.h"
#include "base/text.h"
#include "dialect/veo/errors.h"

namespace telecine::veo {
namespace {

std::string_view bearer_token(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = request.headers.get("authorization");
  if (!iequals(value.substr(0, kScheme.size()), kScheme)) return {};
  return trim(value.substr(kScheme.size()));
}

/// Whether the token is right but for its key, which was switched off.
bool is_disabled(Keyring& keys, std::string_view token) {
  constexpr std::string_view kPrefix = "sk-";
  const auto dot = token.find('.');
  if (!token.starts_with(kPrefix) || dot == std::string_view::npos) return false;
  const auto key = keys.find(std::string(token.substr(kPrefix.size(), dot - kPrefix.size())));
  return key && (*key)->disabled && equal_constant_time((*key)->secret, token.substr(dot + 1));
}

std::expected<Caller, http::Response> identify(Api& api, const http::Request& request,
                                               Scope scope) {
  const auto token = bearer_token(request);
  auto key = api.service.keys().by_token(token);
  if (!key && is_disabled(api.service.keys(), token)) {
    return std::unexpected(access_error(403, "this token is disabled"));
  }
  if (!key && key.error().code != ErrorCode::kUnauthorized) {
    return std::unexpected(error_of(key.error()));
  }
  if (!key) return std::unexpected(access_error(401, "invalid token"));
  if (!(*key)->may(scope)) {
    return std::unexpected(
        access_error(403, "this token lacks the scope \"" + std::string(name_of(scope)) + "\""));
  }
  return Caller{std::move(*key)};
}

std::expected<Caller, http::Response> admit(Api& api, const http::Request& request, Scope scope) {
  const auto developer = api.service.developer();
  auto caller = developer ? *developer : identify(api, request, scope);
  if (!caller) return caller;
  const RateState rate = api.service.take_call(*caller);
  if (!rate.allowed) {
    return std::unexpected(too_many(
        "too many requests; at most " + std::to_string(rate.limit) + " a minute", rate.retry_s));
  }
  return caller;
}

}  // namespace

http::Handler guarded(Api& api, Scope scope, CallHandler handler) {
  return [&api, scope, handler = std::move(handler)](http::Request& request, http::Params params,
                                                     const http::Responder& responder) {
    auto caller = admit(api, request, scope);
    if (!caller) return responder(std::move(caller.error()));
    Call call{request, std::move(params), std::move(*caller), responder};
    handler(call);
  };
}

}  // namespace telecine::veo
