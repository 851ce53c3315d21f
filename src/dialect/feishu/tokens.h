#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "dialect/feishu/errors.h"

namespace telecine::feishu {

/// Who a call is from.
struct Identity {
  App app;
  std::string user;  ///< empty: the app itself
  Scopes scopes;
};

/// The app of an id, from the configuration or, without one, from the access keys.
std::optional<App> find_app(const Api& api, const std::string& id);

struct IssuedToken {
  std::string text;
  std::int64_t expires_in = 0;  ///< seconds
};
/// The app's token at this time. It is the same for 90 minutes and lives for 30 more, so that an
/// older one is still good when the next begins; nothing about it is stored.
IssuedToken issue_token(const Api& api, const App& app, std::int64_t now_s);

/// Checks what stands in the Authorization header. In development mode everybody is one app.
std::expected<Identity, Fault> identify(const Api& api, std::string_view authorization,
                                        std::int64_t now_s);

/// The name of a task's file: unguessable, and checked against the task it names.
std::string file_token(const Api& api, Id task);
std::optional<Id> task_of_file_token(const Api& api, std::string_view token);

/// Answers the two token routes. In development mode every answer is a token.
void answer_token(const Api& api, const http::Request& request, const http::Responder& respond,
                  bool with_app_token);

}  // namespace telecine::feishu
