#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace telecine {

/// Calls functions later, on one thread. What still waits when it ends is dropped. Thread-safe.
class Delay {
 public:
  Delay() : thread_([this](const std::stop_token& stop) { loop(stop); }) {}

  /// Functions must not block. At once, on the caller's thread, when too many are waiting.
  void after(Millis time, std::function<void()> then);

 private:
  void loop(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<Millis, std::function<void()>> waiting_;  ///< by when they are due
  std::jthread thread_;                                   ///< last: it ends before what it uses
};

}  // namespace telecine
