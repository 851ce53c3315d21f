#pragma once

#include <functional>
#include <string>

#include "http/router.h"
#include "service/service.h"

namespace telecine::veo {

/// What the gateway form needs to answer. Kept alive by the owner, longer than the server.
struct Api {
  Service& service;
  /// What links in the answer to a request begin with.
  std::function<std::string(const http::Request&)> base_url;
  std::string callback_base;  ///< the same for callbacks, which no request leads to
};

/// Adds the routes of the gateway form, and of its relatives that show the same tasks.
void mount(http::Router& router, Api& api);

/// The body of a callback: exactly what a query would be answered with.
std::string callback_body(const Api& api, const Task& task);

/// Whether a path belongs to this dialect, for what the server itself refuses.
bool owns(std::string_view path);
http::Response refusal(int status, std::string_view detail);

/// `Task::origin` of tasks made here.
inline constexpr std::string_view kOrigin = "veo";

}  // namespace telecine::veo
