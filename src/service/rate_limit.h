#pragma once

#include <array>
#include <cstdint>
#include <deque>
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

/// Which minute is counted: one that begins with a name's first call, or the last 60 s.
enum class Minute : std::uint8_t { kFixed, kSliding };

struct WindowState {
  bool allowed = true;
  int reset_s = 0;  ///< whole seconds until the minute's first call is forgotten, 1...60
};

/// Calls of each name within a minute, counted one by one, bursts included. A refused call costs
/// nothing and does not lengthen the minute. Thread-safe.
class MinuteWindow {
 public:
  /// 0 calls a minute: no limit. One name, one kind of minute.
  WindowState take(const std::string& name, int per_minute, Minute minute);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::deque<Millis>> calls_;
};

/// Names that were seen, each for a while. Thread-safe; forgotten with the process.
class SeenOnce {
 public:
  /// Whether this is the first time within `life`.
  bool first(const std::string& name, Millis life);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, Millis> until_;
  std::size_t sweep_at_ = 1024;
};

}  // namespace telecine
