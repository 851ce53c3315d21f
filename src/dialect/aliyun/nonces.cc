#include "dialect/aliyun/nonces.h"

namespace telecine::aliyun {

Nonces::Verdict Nonces::take(const std::string& key, const std::string& nonce, Millis until,
                             Millis now) {
  const std::lock_guard lock(mutex_);
  Seen& seen = keys_[key];
  while (!seen.order.empty() && seen.order.begin()->first < now) {
    for (const std::string* old : seen.order.begin()->second) seen.nonces.erase(*old);
    seen.order.erase(seen.order.begin());
  }
  const auto [at, fresh] = seen.nonces.insert(nonce);
  if (!fresh) return Verdict::kUsed;
  if (seen.nonces.size() > kPerKey) {
    seen.nonces.erase(at);
    return Verdict::kFull;
  }
  seen.order[until].push_back(&*at);
  return Verdict::kFresh;
}

}  // namespace telecine::aliyun
