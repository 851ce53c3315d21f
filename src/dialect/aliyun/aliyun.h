#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dialect/aliyun/nonces.h"
#include "http/router.h"
#include "service/document_cache.h"
#include "service/service.h"

/// The RPC protocol of Aliyun's MultimediaAI service, version 2019-08-10: actions named by a
/// parameter of `/`, signed by HMAC, answered in XML or JSON.
namespace telecine::aliyun {

struct Options {
  /// The oldest form of GetTaskResult in XML has the result's URL inside an element of its own
  /// name.
  bool nested_result_url = false;
  Millis link_life = 86'400'000;  ///< of links to results
};

/// What the dialect needs to answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  Options options;
  /// "https://media.example.net": what links in the answer to a request begin with.
  std::function<std::string(const http::Request&)> base_url;
  std::string callback_base{};  ///< the same for callbacks, which no request leads to
  /// Takes the requests for `/` that are none of this protocol; empty: they are answered 404.
  http::Handler elsewhere{};
  Nonces nonces{};
  std::unique_ptr<DocumentCache> documents = std::make_unique<DocumentCache>();
};

/// Adds `/` for every method, and `/processResult/…`.
void mount(http::Router& router, Api& api);

/// The JSON body of a callback about a task's end.
std::string callback_body(const Api& api, const Task& task);

}  // namespace telecine::aliyun
