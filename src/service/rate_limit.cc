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

WindowState MinuteWindow::take(const std::string& name, int per_minute, Minute minute) {
  if (per_minute <= 0) return {};
  constexpr Millis kMinute = 60'000;
  constexpr std::size_t kMaxNames = 100'000;
  const Millis now = steady_ms();
  const auto expired = [&](Millis at) { return at <= now - kMinute; };
  const std::lock_guard lock(mutex_);
  if (calls_.size() > kMaxNames) {
    std::erase_if(calls_, [&](const auto& c) { return expired(c.second.back()); });
  }
  auto& calls = calls_[name];
  if (minute == Minute::kFixed && !calls.empty() && expired(calls.front())) calls.clear();
  while (!calls.empty() && expired(calls.front())) calls.pop_front();
  WindowState state;
  state.allowed = calls.size() < static_cast<std::size_t>(per_minute);
  if (state.allowed) calls.push_back(now);
  state.reset_s = static_cast<int>((calls.front() + kMinute - now + 999) / 1000);
  return state;
}

bool SeenOnce::first(const std::string& name, Millis life) {
  const Millis now = steady_ms();
  const std::lock_guard lock(mutex_);
  if (until_.size() >= sweep_at_) {
    std::erase_if(until_, [&](const auto& seen) { return seen.second <= now; });
    sweep_at_ = 2 * until_.size() + 1024;
  }
  auto [at, fresh] = until_.try_emplace(name, now + life);
  if (!fresh && at->second > now) return false;
  at->second = now + life;
  return true;
}

}  // namespace telecine
