#pragma once

#include <expected>
#include <functional>

#include "dialect/tencent/arguments.h"
#include "dialect/tencent/documents.h"
#include "dialect/tencent/tencent.h"

namespace telecine::tencent {

/// A call that has passed every check but those of its own parameters.
struct Call {
  const Api& api;
  Arguments arguments;
  Caller caller;
  std::string base;  ///< begins links
  http::Responder respond;

  std::int64_t app_id() const;
  View view() const;
  void refuse(int number, const std::string& message = {}) const;
};

/// What a document needs, for an account and links that begin with `base`.
View make_view(const Api& api, std::int64_t app_id, const std::string& account, std::string base);

struct Action {
  std::string_view name;
  Scope scope;
  void (*run)(const Call&);
};
/// Nothing for an action that is not served.
const Action* find_action(std::string_view name);

}  // namespace telecine::tencent
