#pragma once

#include <memory>

#include "dialect/aliyun/aliyun.h"
#include "dialect/aliyun/call.h"

namespace telecine::aliyun {

/// An admitted call. It is answered once.
struct Context {
  Api& api;
  Call call;
  Caller caller;
  std::string nonce;
  std::string base;  ///< of links
  std::string host;  ///< as the client named it
  http::Responder respond;

  /// What an answer about a task says.
  using Make = json::object (*)(const Context& context, const Task& task,
                                const std::string& request_id);
  void answer(const Task& task, Make make) const;
  /// The same where an answer made a moment ago will do.
  void answer_from_cache(const TaskPtr& task, Make make) const;
  void refuse(const Refusal& refusal) const;
};
using ContextPtr = std::shared_ptr<const Context>;

struct Action {
  std::string_view name;
  Scope scope = Scope::kRead;
  void (*run)(const ContextPtr&) = nullptr;  ///< null: known, and not offered
};
/// Null for a name that the protocol does not have.
const Action* find_action(std::string_view name);

inline constexpr std::string_view kErrorPages = "/aliyun/errors/";

/// The link to a finished task's result.
std::string result_url(const Api& api, const Task& task, const std::string& base);

}  // namespace telecine::aliyun
