#pragma once

#include "dialect/veo/veo.h"

namespace telecine::veo {

/// A call that has passed authentication, scope and rate limit.
struct Call {
  http::Request& request;
  http::Params params;
  Caller caller;
  http::Responder respond;
};
using CallHandler = std::function<void(Call&)>;

/// Wraps a handler in the check of `Authorization: Bearer sk-<id>.<secret>`. Refusals have
/// OpenAI's error shape, as they do in this family.
http::Handler guarded(Api& api, Scope scope, CallHandler handler);

}  // namespace telecine::veo
