#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace telecine {

struct WindowState {
  bool allowed = true;
  int reset_s = 0;  ///< whole seconds until the window closes, 1...60
};

/// So many calls in each minute that begins with a name's first call: the other way of counting,
/// for protocols that promise it. Refused calls do not lengthen the minute. Thread-safe.
class WindowLimiter {
 public:
  /// `per_minute` 0: no limit.
  WindowState take(const std::string& name, int per_minute);

 private:
  struct Window {
    Millis opened = 0;
    int calls = 0;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

}  // namespace telecine
