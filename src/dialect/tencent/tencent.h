#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/tencent/options.h"
#include "http/router.h"
#include "object/address.h"
#include "service/document_cache.h"
#include "service/service.h"

namespace telecine::tencent {

/// The second version of Tencent Cloud's VOD API: one path, the action among the parameters, HTTP
/// 200 for every answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  Options options;
  /// Base of links in an answer to this request.
  std::function<std::string(const http::Request&)> base_url;
  std::string callback_base;  ///< base of links in callbacks, which no request leads to
  /// Peers whose X-Forwarded-Host is believed.
  std::vector<object::IpRange> trusted_proxies;
  std::unique_ptr<DocumentCache> documents = std::make_unique<DocumentCache>();
};

/// Word of origin of the tasks made here.
inline constexpr std::string_view kOrigin = "tencent";

void mount(http::Router& router, Api& api);

/// Whether a path is this dialect's, and how it says what the server itself refuses there.
bool owns(std::string_view path);
http::Response refused_by_server(const Api& api, int status, std::string_view detail);

/// The body of a callback about the task.
std::string callback_body(const Api& api, const Task& task);

}  // namespace telecine::tencent
