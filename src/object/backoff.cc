#include "object/backoff.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/crypto.h"

namespace telecine::object {

Millis jittered(int failures, Millis first, Millis most) {
  Millis span = first;
  for (int i = 1; i < failures && span < most; ++i) span *= 2;
  span = std::max<Millis>(1, std::min(span, most));
  return static_cast<Millis>(random_u64() % static_cast<std::uint64_t>(span));
}

void wait(Millis span, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::milliseconds(span), [] { return false; });
}

}  // namespace telecine::object
