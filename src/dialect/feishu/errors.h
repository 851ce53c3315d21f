#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dialect/feishu/feishu.h"

namespace telecine::feishu {

enum class Fault : std::uint8_t {
  kMissingToken,
  kBadTenantToken,
  kBadUserToken,
  kUserTokenExpired,
  kBadAppToken,
  kBadTokenKind,
  kNoAppScope,
  kNoUserScope,
  kTooMany,
  kBadBody,
  kBadParameter,
  kNotSupported,
  kNoPermission,
  kNotThere,
  kInternal,
};

struct FaultRow {
  Fault fault;
  int status;
  int code;
  std::string_view message;
};
const FaultRow& row_of(Fault fault);

struct Violation {
  std::string field;
  std::string description;
};

/// What a failed call answers with, beside its code.
struct Details {
  std::optional<Violation> field;
  std::string scope_type;           ///< with `scopes`: "action_scope_required", …
  std::vector<std::string> scopes;  ///< any one of them would do
};

/// 14 digits of local time and 20 upper-case hex digits; new for every answer.
std::string make_log_id(const Api& api, Millis now);

http::Response failure(const Api& api, Fault fault, const Details& details = {});
http::Response success(const Api& api, json::object data);
/// The like, of a text that was made before.
http::Response success(const Api& api, std::shared_ptr<const std::string> text);
/// "data" inside what all successes are.
std::string success_text(json::object data);
/// A whole document of its own, as the token routes answer.
http::Response document(const Api& api, int status, const json::object& body);
/// "404 page not found", in plain text.
http::Response unknown_route(const Api& api);
/// Puts the headers that every answer has onto one that was made elsewhere.
void add_headers(const Api& api, http::Response& response);

}  // namespace telecine::feishu
