#pragma once

#include <stop_token>

#include "base/time.h"

/// The pauses between tries.
namespace telecine::object {

/// Drawn at random up to `first`, which doubles with each failure after the first, and at most up
/// to `most`.
Millis jittered(int failures, Millis first, Millis most);

/// What a server asks for beyond this is not waited for.
inline constexpr Millis kMostRetryAfter = 60'000;

/// Returns early when `stop` is requested.
void wait(Millis span, const std::stop_token& stop);

}  // namespace telecine::object
