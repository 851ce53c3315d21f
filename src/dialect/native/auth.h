#pragma once

#include <expected>
#include <functional>

#include "dialect/native/native.h"

namespace telecine::native {

/// A call that has passed authentication, scope and rate limit.
struct Call {
  http::Request& request;
  http::Params params;
  Caller caller;
  http::Responder respond;  ///< adds the RateLimit headers
};
using CallHandler = std::function<void(Call&)>;

/// Checks `Authorization: Bearer sk-<id>.<secret>`, the scope and the rate limit, in this order.
/// The refusal is a complete answer.
std::expected<Caller, http::Response> admit(Api& api, const http::Request& request, Scope scope,
                                            RateState& rate);

/// Wraps a handler in `admit`.
http::Handler guarded(Api& api, Scope scope, CallHandler handler);

/// "https://media.example.net": what links begin with.
std::string base_url(const Api& api, const http::Request& request);

}  // namespace telecine::native
