#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/time.h"

namespace telecine::aliyun {

/// The nonces of the last half hour, of each key for itself, so that no signed request counts
/// twice. Bounded. Thread-safe.
class Nonces {
 public:
  enum class Verdict { kFresh, kUsed, kFull };
  /// Of equal calls that race, exactly one finds it fresh. Kept until `until`.
  Verdict take(const std::string& key, const std::string& nonce, Millis until, Millis now);

 private:
  static constexpr std::size_t kPerKey = 200'000;  ///< about 110 calls a second, all half hour long
  struct Seen {
    std::unordered_set<std::string> nonces;
    std::map<Millis, std::vector<const std::string*>> order;  ///< by when they end; of `nonces`
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Seen> keys_;
};

}  // namespace telecine::aliyun
