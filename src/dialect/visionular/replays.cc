#include "dialect/visionular/replays.h"

namespace telecine::visionular {

std::optional<std::string> Replays::find(const std::string& fingerprint, Millis now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = answers_.find(fingerprint);
  if (found == answers_.end()) return std::nullopt;
  return found->second;
}

void Replays::keep(const std::string& fingerprint, const std::string& body, Millis now) {
  const std::lock_guard lock(mutex_);
  if (answers_.emplace(fingerprint, body).second) order_.emplace_back(now, fingerprint);
  forget_old(now);
}

void Replays::forget_old(Millis now) {
  while (!order_.empty() && (order_.front().first + life_ < now || order_.size() > most_)) {
    answers_.erase(order_.front().second);
    order_.pop_front();
  }
}

}  // namespace telecine::visionular
