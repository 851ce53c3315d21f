#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dialect/visionular/replays.h"
#include "http/router.h"
#include "service/document_cache.h"
#include "service/service.h"

/// The task API of Visionular, in the two generations that clients speak: /api/<name> with signed
/// requests, and /vodencoding/v1/<name> with HTTP Basic.
namespace telecine::visionular {

inline constexpr std::string_view kOrigin = "visionular";

/// What the dialect needs to answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  /// Base of links to this server in an answer to this request.
  std::function<std::string(const http::Request&)> base_url;
  Replays replays{};
  std::unique_ptr<DocumentCache> documents = std::make_unique<DocumentCache>();
};

void mount(http::Router& router, Api& api);

/// Whether a path, known or not, is answered in this dialect's words.
bool owns(std::string_view path);
/// What the server itself refuses, in this dialect's words.
http::Response refusal(int status, std::string_view path);

/// The body of a callback about a task that has ended.
std::string callback_body(const Task& task);

}  // namespace telecine::visionular
