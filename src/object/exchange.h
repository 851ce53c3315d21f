#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "object/address.h"

/// One HTTP exchange: the only place that knows libcurl. What it means is decided by its callers.
namespace telecine::object {

struct Header {
  std::string name;
  std::string value;
};
using Headers = std::vector<Header>;

/// The first of that name in any case, or empty.
std::string_view find_header(const Headers& headers, std::string_view name);

/// Zero switches a limit off.
struct Limits {
  Millis connect = 10'000;  ///< name look-up, connection and TLS together
  /// How long it may move less than `stall_bytes` a second. Whole seconds.
  Millis stall = 60'000;
  std::int64_t stall_bytes = 1024;
  Millis total = 0;
};

struct Outgoing {
  std::string method = "GET";
  std::string url{};
  Headers headers{};
  std::string_view body{};
  int body_fd = -1;              ///< instead of `body`; read by offset
  std::int64_t body_offset = 0;  ///< where in `body_fd` the body begins
  std::int64_t body_size = 0;    ///< bytes of `body_fd` that are sent
  std::string ca_file{};  ///< a private CA instead of the system's; certificates always count
  /// Every connection is checked against these; null for addresses the operator gave.
  const AddressRules* rules = nullptr;
  Limits limits{};
};

/// Called on the caller's own thread; must not throw.
struct Hooks {
  /// The final head of the answer; false ends the exchange there.
  std::function<bool(int status, const Headers&)> on_head{};
  std::function<bool(std::string_view)> on_body{};
  std::function<void(std::int64_t sent, std::int64_t total)> on_sent{};
  std::stop_token stop{};
};

struct Incoming {
  int status = 0;  ///< 0 when no answer came
  Headers headers;
  Millis retry_after = 0;  ///< what the server asks for; 0 nothing
  bool stopped = false;    ///< a hook ended it; `error` is then empty
  std::optional<Error> error;
  bool issued = false;    ///< something of the request left; the server may have acted on it
  bool may_pass = false;  ///< whether the same exchange may succeed a little later
};

/// Blocks until the answer is read, a limit is reached, or `stop` is requested (kCancelled, within
/// milliseconds). Follows no redirect, uses no proxy, keeps no cookies, decodes nothing. A status
/// of 400 and above is an answer, not an error. Errors are kInputForbidden (refused address),
/// kInputUnreachable, kCancelled, kInvalidParameter.
Incoming exchange(const Outgoing& out, const Hooks& hooks);

}  // namespace telecine::object
