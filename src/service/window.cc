#include "service/window.h"

namespace telecine {

WindowState WindowLimiter::take(const std::string& name, int per_minute) {
  constexpr Millis kLength = 60'000;
  constexpr std::size_t kMaxWindows = 10'000;
  if (per_minute <= 0) return {};
  const Millis now = steady_ms();
  const std::lock_guard lock(mutex_);
  if (windows_.size() > kMaxWindows) {
    std::erase_if(windows_, [&](const auto& w) { return now - w.second.opened >= kLength; });
  }
  const auto [at, fresh] = windows_.try_emplace(name);
  Window& window = at->second;
  if (fresh || now - window.opened >= kLength) window = {now, 0};
  WindowState state;
  state.allowed = window.calls < per_minute;
  if (state.allowed) ++window.calls;
  state.reset_s = static_cast<int>((window.opened + kLength - now + 999) / 1000);
  return state;
}

}  // namespace telecine
