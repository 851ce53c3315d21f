#pragma once

#include <functional>
#include <memory>

#include "dialect/aliyun/aliyun.h"
#include "dialect/aliyun/call.h"

namespace telecine::aliyun {

/// An admitted call.
struct Context {
  Api& api;
  Call call;
  Caller caller;
  std::string nonce;
  Format format = Format::kXml;
  std::string base;  ///< of links
  /// Answers with the fields of `make`, which gets the request's id; once.
  using Make = std::function<json::object(const std::string&)>;
  std::function<void(const Make& make)> answer;
  /// The same about a task, for which `make` need not be called anew each time.
  std::function<void(const TaskPtr& task, const Make& make)> answer_about;
  std::function<void(const Refusal&)> refuse;
};
using ContextPtr = std::shared_ptr<Context>;

struct Action {
  std::string_view name;
  Scope scope = Scope::kRead;
  void (*run)(const ContextPtr&) = nullptr;  ///< null: known, and not offered
};
/// Null for a name that the protocol does not have.
const Action* find_action(std::string_view name);

/// The link to a finished task's result.
std::string result_url(const Api& api, const Task& task, const std::string& base);

}  // namespace telecine::aliyun
