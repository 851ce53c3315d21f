#pragma once

#include <functional>

#include "dialect/visionular/answers.h"
#include "dialect/visionular/auth.h"
#include "dialect/visionular/requests.h"
#include "dialect/visionular/visionular.h"

namespace telecine::visionular {

/// Records of this kind, named by a task's id: del_task has taken the task out of this API.
inline constexpr auto kHiddenTask = "visionular-hidden";

/// A call that has passed authentication, scope, rate limit and syntax.
struct Call {
  Api& api;
  Generation generation;
  Parameters parameters;
  Caller caller;
  std::string fingerprint;  ///< see Admitted; empty for what may be repeated
  std::string base;         ///< "https://media.example.net": what links to this server begin with
  http::Responder respond;

  void succeed(const json::value& data) const { answer(success(generation, data)); }
  /// With data that has been rendered.
  void succeed_with(const std::string& data) const { answer(success(generation, data)); }
  void fail(const Refusal& refusal) const { answer(failure(generation, refusal)); }

 private:
  void answer(http::Response response) const;
};
using CallHandler = std::function<void(const Call&)>;

/// Adds the call under both generations' paths.
void add_call(http::Router& router, Api& api, http::Method method, std::string_view name,
              Scope scope, CallHandler handler);

void mount_tasks(http::Router& router, Api& api);
void mount_lists(http::Router& router, Api& api);
void mount_storages(http::Router& router, Api& api);
void mount_templates(http::Router& router, Api& api);

}  // namespace telecine::visionular
