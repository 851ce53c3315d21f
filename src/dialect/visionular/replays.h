#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/time.h"

namespace telecine::visionular {

/// The answers that signed requests got lately: a request that comes twice, by a client that did
/// not hear the answer or by somebody who captured it, is not carried out again. Held in memory:
/// what makes a task or a storage is known by its fingerprint after a restart too. Thread-safe.
class Replays {
 public:
  /// At most `most` of the last answers, the oldest go first.
  explicit Replays(Millis life = 30 * 60'000, std::size_t most = 100'000)
      : life_(life), most_(most) {}

  /// The body of the answer.
  std::optional<std::string> find(const std::string& fingerprint, Millis now);
  void keep(const std::string& fingerprint, const std::string& body, Millis now);

 private:
  void forget_old(Millis now);

  const Millis life_;
  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> answers_;
  std::deque<std::pair<Millis, std::string>> order_;
};

}  // namespace telecine::visionular
