#include "service/delay.h"

#include <chrono>

namespace telecine {

void Delay::after(Millis time, std::function<void()> then) {
  constexpr std::size_t kMaxWaiting = 10'000;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMaxWaiting) {
      waiting_.emplace(steady_ms() + time, std::move(then));
      changed_.notify_one();
      return;
    }
  }
  then();
}

void Delay::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (waiting_.empty()) {
      changed_.wait(lock, stop, [&] { return !waiting_.empty(); });
      continue;
    }
    const Millis due = waiting_.begin()->first;
    if (const Millis left = due - steady_ms(); left > 0) {
      changed_.wait_for(lock, stop, std::chrono::milliseconds(left),
                        [&] { return waiting_.empty() || waiting_.begin()->first < due; });
      continue;
    }
    const auto then = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    lock.unlock();
    then();
    lock.lock();
  }
}

}  // namespace telecine
