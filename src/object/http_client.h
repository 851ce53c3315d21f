#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "object/address.h"
#include "object/exchange.h"

namespace telecine::object {

struct FetchOptions {
  std::int64_t max_bytes = 20LL * 1024 * 1024 * 1024;  ///< a declared length above it is not read
  Limits limits{};  ///< per connection; `total` spans all tries and redirects
  /// Tries in a row without new bytes to speak of (1 MiB) before it gives up.
  int tries = 8;
  Millis first_backoff = 200;  ///< doubles with each try, drawn at random up to it
  Millis most_backoff = 20'000;
  int redirects = 5;              ///< at most
  Headers headers{};              ///< for the URL itself; never sent to where it redirects
  std::string ca_file{};          ///< a private CA instead of the system's
  bool operator_address = false;  ///< the operator gave the URL: the address rules do not apply
  /// With `operator_address`: other servers that the URL redirects to obey the rules all the same.
  bool rules_elsewhere = false;
  std::stop_token stop{};
};

struct Fetched {
  std::int64_t size = 0;
  std::string md5;   ///< of the whole, lower-case hex
  std::string type;  ///< media type without parameters as the server says, or empty
  /// What the server or the URL calls it: one printable path component, or empty. Not a safe path.
  std::string name;
};

/// `total` is -1 while it is unknown. Called for every piece received; after a restart `received`
/// begins at 0 again.
using FetchProgress = std::function<void(std::int64_t received, std::int64_t total)>;

struct CallOptions {
  /// `total = 0` for uploads and streams, `stall = 0` for streams that may be silent.
  Limits limits{.connect = 10'000, .stall = 60'000, .stall_bytes = 1, .total = 30'000};
  std::size_t max_body = 64 * 1024;  ///< reading stops there
  std::string ca_file{};             ///< a private CA instead of the system's
  bool operator_address = false;     ///< the operator gave the URL: the address rules do not apply
  std::stop_token stop{};
};

struct Call {
  std::string method = "GET";
  std::string url{};
  Headers headers{};
  std::string_view body{};
  int body_fd = -1;  ///< a regular file sent instead of `body`, from its beginning
  std::function<void(std::int64_t sent, std::int64_t total)> on_sent{};
  /// Takes the body of a 2xx answer as it arrives (events, downloads); false ends the call as if
  /// the answer had ended. Bodies of other answers are collected.
  std::function<bool(std::string_view)> on_data{};
  CallOptions options{};
  /// Set, also when the call fails, to whether anything of the request left this machine.
  bool* issued = nullptr;
};

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
  bool truncated = false;  ///< the body is longer than `max_body`
  Millis retry_after = 0;  ///< what the server asks for; 0 nothing
  Millis took = 0;
};

/// HTTP for every URL that a caller of the engine can influence, and for the operator's own.
/// Calls block: they are for worker threads. One object serves any number of threads. Errors carry
/// no address, no banner and no part of an answer.
///
///     auto fetched = client.fetch_to(url, fd, {.max_bytes = limit, .stop = stop}, report);
class HttpClient {
 public:
  explicit HttpClient(AddressRules rules);

  const AddressRules& rules() const { return *rules_; }

  /// Downloads into an empty file open for writing. A connection that breaks is resumed at the
  /// last byte if the server can prove that the file is still the same one, else started again.
  /// A few redirects, each checked like the URL itself, never from https to http. On
  /// failure the file's content is undefined.
  ///
  /// kInputNotFound, kInputForbidden, kInputUnreachable, kInputTooLarge, kOutOfSpace, kCancelled;
  /// kInvalidParameter for a URL that breaks the rules as written.
  Result<Fetched> fetch_to(const std::string& url, int fd, const FetchOptions& options,
                           const FetchProgress& progress = {}) const;

  /// Sends a webhook. Redirects are answers, not followed.
  Result<Answer> post(const std::string& url, const Headers& headers, std::string_view body,
                      const CallOptions& options = {}) const;

  /// Any call. Every status is an answer; errors are those of `exchange`.
  Result<Answer> request(const Call& call) const;

 private:
  std::shared_ptr<const AddressRules> rules_;
};

}  // namespace telecine::object
