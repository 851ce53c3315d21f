#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telecine {

/// Milliseconds since 1970-01-01 UTC, or a span of them. The one unit of time inside the engine.
using Millis = std::int64_t;

inline constexpr Millis kDay = 86'400'000;

/// Wall clock. For what is stored and shown.
Millis now_ms();
/// Monotonic clock with an arbitrary zero. For time-outs and measuring.
Millis steady_ms();

/// Documents and requests count seconds.
inline double to_seconds(Millis ms) {
  return static_cast<double>(ms) / 1000.0;
}
inline Millis to_millis(double seconds) {
  return static_cast<Millis>(std::llround(seconds * 1000.0));
}

/// 2026-11-21T20:45:12.034Z (RFC 3339, UTC, milliseconds).
std::string rfc3339(Millis at);
/// Sat, 21 Nov 2026 20:45:12 GMT (RFC 9110 HTTP-date).
std::string http_date(Millis at);
/// The inverse; nothing for any other form, or a date that does not exist.
std::optional<Millis> parse_http_date(std::string_view text);

}  // namespace telecine
