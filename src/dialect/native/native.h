#pragma once

#include <functional>
#include <string>

#include "http/router.h"
#include "service/service.h"

namespace telecine::native {

/// What the native API needs to answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  std::string public_url;     ///< base of links; empty: from the request's Host
  std::string callback_base;  ///< base of links in callbacks, which no request leads to
  /// Peers whose X-Forwarded-Proto and X-Forwarded-Host are believed.
  std::vector<object::IpRange> trusted_proxies;
  /// For /healthz: the process's own facts (sandbox layers, versions, worker).
  std::function<json::object()> health;
  /// Open connections, for /metrics.
  std::function<std::size_t()> connections;
};

/// Adds every route of the native API, /objects, the health routes, /metrics and /openapi.json.
void mount(http::Router& router, Api& api);

/// The body of a native callback.
std::string callback_body(Api& api, const Delivery& delivery, const Task& task);

}  // namespace telecine::native
