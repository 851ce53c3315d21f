#pragma once

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace telecine {

/// How a call stands against its limit; what the RateLimit headers say.
struct RateState {
  bool allowed = true;
  int limit = 0;  ///< calls a minute; 0: unlimited, and the rest means nothing
  int remaining = 0;
  int reset_s = 0;  ///< until the bucket is full again
  int retry_s = 0;  ///< until one more call is allowed, when refused
};

/// A token bucket for each name: a minute's worth of calls at most, refilled evenly. A refused
/// call costs nothing. Thread-safe.
class RateLimiter {
 public:
  RateState take(const std::string& name, int per_minute);

 private:
  struct Bucket {
    double tokens = 0;
    Millis at = 0;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Bucket> buckets;
  };
  static constexpr std::size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace telecine
