#include "service/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace telecine {

RateState RateLimiter::take(const std::string& name, int per_minute) {
  RateState state;
  state.limit = per_minute;
  if (per_minute <= 0) return state;
  Shard& shard = shards_[std::hash<std::string>{}(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const Millis now = steady_ms();
  constexpr std::size_t kMaxBuckets = 10'000;
  if (shard.buckets.size() > kMaxBuckets) {
    std::erase_if(shard.buckets, [&](const auto& b) { return now - b.second.at > 60'000; });
  }
  auto [at, fresh] = shard.buckets.try_emplace(name);
  Bucket& bucket = at->second;
  const double full = per_minute;
  const double per_ms = full / 60'000.0;
  bucket.tokens =
      fresh ? full : std::min(full, bucket.tokens + per_ms * static_cast<double>(now - bucket.at));
  bucket.at = now;
  state.allowed = bucket.tokens >= 1;
  if (state.allowed)
    bucket.tokens -= 1;
  else
    state.retry_s = static_cast<int>(std::ceil((1 - bucket.tokens) / per_ms / 1000));
  state.remaining = static_cast<int>(bucket.tokens);
  state.reset_s = static_cast<int>(std::ceil((full - bucket.tokens) / per_ms / 1000));
  return state;
}

}  // namespace telecine
