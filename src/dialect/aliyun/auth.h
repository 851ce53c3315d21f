#pragma once

#include <expected>

#include "dialect/aliyun/aliyun.h"
#include "dialect/aliyun/call.h"

namespace telecine::aliyun {

/// Whose call it is, and the nonce by which it will not count again; without one it may.
struct Admitted {
  Caller caller;
  std::string nonce;
};

/// Checks the signature, the clock, the nonce, the version, the rate and the scope, in this order:
/// whoever has no key learns nothing but names.
std::expected<Admitted, Refusal> admit(Api& api, const http::Request& request, const Call& call,
                                       Scope scope, Millis now);

}  // namespace telecine::aliyun
