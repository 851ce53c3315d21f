#include "dialect/aliyun/nonces.h"

namespace telecine::aliyun {

Nonces::Verdict Nonces::take(const std::string& key, const std::string& nonce, Millis until,
                             Millis now) {
  const std::lock_guard lock(mutex_);
  Seen& seen = keys_[key];
  while (!seen.order.empty() && seen.order.begin()->first < now) {
    seen.until.erase(seen.order.begin()->second);
    seen.order.erase(seen.order.begin());
  }
  if (seen.until.contains(nonce)) return Verdict::kUsed;
  if (seen.until.size() >= kPerKey) return Verdict::kFull;
  seen.until.emplace(nonce, until);
  seen.order.emplace(until, nonce);
  return Verdict::kFresh;
}

}  // namespace telecine::aliyun
