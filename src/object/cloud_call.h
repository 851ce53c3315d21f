#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "object/endpoint.h"
#include "object/exchange.h"

/// One signed request to an object store with its retries: what every operation is made of.
namespace telecine::object {

/// Decides the words of errors: those of an input, or those of a storage.
enum class CloudUse : std::uint8_t { kRead, kWrite };

/// What can go wrong with an object store, whichever side of the engine meets it.
enum class CloudFault : std::uint8_t { kAbsent, kNoBucket, kDenied, kUnavailable };

struct CloudOptions {
  int tries = 8;               ///< of one request
  Millis first_backoff = 200;  ///< doubles with each try, drawn at random up to it
  Millis most_backoff = 20'000;
  Millis span = 600'000;  ///< all tries of one request together
  /// Objects up to this size go in one put, larger ones in parts.
  std::int64_t put_bytes = 64LL << 20;
  std::int64_t part_bytes = 16LL << 20;  ///< least size of a part but the last
  int parallel = 4;                      ///< parts or ranges of one object in flight
  std::int64_t range_bytes = 32LL << 20;
  std::stop_token stop{};
};

struct Ask {
  std::string method = "GET";
  std::string key{};
  Parameters query{};
  Headers headers{};
  std::string body{};
  int fd = -1;  ///< instead of `body`: `size` bytes from `offset`
  std::int64_t offset = 0;
  std::int64_t size = 0;
  /// Statuses that are answers here and not errors.
  std::vector<int> expected{};
  Limits limits{};
  /// Take a 2xx answer as it arrives; without them its body is collected, up to 1 MiB.
  std::function<bool(int status, const Headers&)> on_head{};
  std::function<bool(std::string_view)> on_body{};
  std::function<void(std::int64_t sent, std::int64_t total)> on_sent{};
  /// Asked before another try: adapts the request to what has arrived.
  std::function<void(Ask&)> on_again{};
  /// Set by a hook that ends the exchange: the error for good.
  std::optional<Error> refusal{};
};

struct Told {
  int status = 0;
  Headers headers;
  std::string body;
};

class CloudCaller {
 public:
  CloudCaller(Place place, CloudUse use, CloudOptions options)
      : place_(std::move(place)), use_(use), options_(std::move(options)) {}

  /// A 2xx answer or an expected one. Errors: kInputNotFound, kInputForbidden, kInputUnreachable
  /// of inputs; kStorageDenied, kStorageUnavailable of storages; kCancelled; what `refusal` holds.
  Result<Told> ask(Ask& ask) const;

  const Place& place() const { return place_; }
  CloudUse use() const { return use_; }
  const CloudOptions& options() const { return options_; }
  /// For what must still happen after the work was stopped.
  void forget_stop() { options_.stop = {}; }

  Error error_of(CloudFault fault, std::string_view detail) const;

 private:
  struct Adapted;
  struct Verdict;
  Verdict attempt(Ask& ask, Told& told, Adapted& adapted, Millis left) const;
  Verdict judge(const Incoming& in, Told& told, Adapted& adapted) const;
  Verdict judge_status(const Told& told, Adapted& adapted) const;

  Place place_;
  CloudUse use_;
  CloudOptions options_;
};

/// Base64 of the MD5 and hex of the SHA-256 of a piece of a file.
struct PieceDigests {
  std::string md5;
  std::string sha256;
};
Result<PieceDigests> digest_piece(int fd, std::int64_t offset, std::int64_t size, bool with_sha256);

}  // namespace telecine::object
