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

using OpenUpload = std::function<std::expected<std::unique_ptr<http::BodySink>, http::Response>(
    const Caller&, const http::Request&, const http::Params&)>;

/// Lets only those in whose `Authorization: Bearer sk-<id>.<secret>`, scope and rate limit are
/// right, checked in this order. Answers carry the RateLimit headers.
http::Handler guarded(Api& api, Scope scope, CallHandler handler);
/// The same for uploads, which take the scope "write".
http::OpenSink guarded_upload(Api& api, OpenUpload open);

/// "https://media.example.net": what links begin with.
std::string base_url(const Api& api, const http::Request& request);

}  // namespace telecine::native
