#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/router.h"
#include "service/document_cache.h"
#include "service/service.h"

/// The video-meeting exports of the Feishu/Lark open platform: tokens, four exports, polling,
/// download.
namespace telecine::feishu {

/// What its holder may call. Shared: an identity has them for every call.
using Scopes = std::shared_ptr<const std::vector<std::string>>;

/// An application: who calls, and for which account.
struct App {
  std::string id;
  std::string secret;
  std::string account;
  Scopes scopes;
};

/// A person's token, which no call issues.
struct UserToken {
  std::string token;
  std::string app;
  std::string user;
  Scopes scopes;
  std::int64_t expires = 0;  ///< Unix seconds; 0: never
};

struct Options {
  std::vector<App> apps;  ///< none: every access key with the write scope is an app
  std::vector<UserToken> user_tokens;
  int rate_per_minute = 100;  ///< calls of one app to one route; 0: no limit
  int utc_offset_minutes = 480;
  bool english = false;
  Millis retention = 7LL * 86'400'000;  ///< of files, from the end of their task; 0: for ever
  std::string prefix = "/feishu";       ///< where the dialect is mounted beside the root
};

/// What the dialect needs to answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  Options options;
  /// Base of links in an answer to this request.
  std::function<std::string(const http::Request&)> base_url;
  std::string key;  ///< what tokens are signed with
  std::unique_ptr<DocumentCache> documents = std::make_unique<DocumentCache>();
};

/// Everything a scope can be; the default of an app.
Scopes all_scopes();

void mount(http::Router& router, const Api& api);

/// What the server itself refuses on the dialect's paths, in the dialect's words.
std::optional<http::Response> refusal(const Api& api, int status, std::string_view path);

}  // namespace telecine::feishu
