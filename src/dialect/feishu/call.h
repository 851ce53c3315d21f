#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dialect/feishu/tokens.h"

namespace telecine::feishu {

/// A call that has passed the checks of token, rate and scope.
struct Call {
  const Api& api;
  http::Request& request;
  http::Params params;
  Identity identity;
  http::Responder respond;

  void fail(Fault fault, const Details& details = {}) const {
    respond(failure(api, fault, details));
  }
  void refuse(const Violation& violation) const {
    fail(Fault::kBadParameter, {.field = violation, .scope_type = {}, .scopes = {}});
  }
  /// Whether the caller holds `scope`; answers itself otherwise. What an app lacks is of
  /// `app_type`.
  bool may(const std::string& scope, const std::string& app_type) const;
};
using CallHandler = std::function<void(Call&)>;

/// A handler that checks token, rate and scope, in this order: `handler` takes over when the caller
/// holds any of `scopes`. `route` names the bucket that calls are counted in.
http::Handler guarded(const Api& api, std::string route, std::vector<std::string> scopes,
                      CallHandler handler);

}  // namespace telecine::feishu
