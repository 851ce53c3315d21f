#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "media/av.h"
#include "task/facts.h"

namespace telecine::media {

/// The one time base inside the pipeline. 360000 is a multiple of 90000, 1000 and of the time
/// scales of 24, 25, 30, 50, 60 and their 1000/1001 relatives, so that what containers say
/// survives exactly.
inline constexpr int kTicksPerSecond = 360'000;
inline constexpr AVRational kTicks{1, kTicksPerSecond};

/// Time on the output's clock: 0 is the earliest start of the streams that are used.
using Ticks = std::int64_t;

inline Ticks to_ticks(std::int64_t value, AVRational base) {
  return av_rescale_q(value, base, kTicks);
}
inline Ticks ms_to_ticks(Millis ms) {
  return ms * (kTicksPerSecond / 1000);
}
inline Millis ticks_to_ms(Ticks ticks) {
  return av_rescale_q(ticks, kTicks, kMilliseconds);
}
inline double ticks_to_seconds(Ticks ticks) {
  return static_cast<double>(ticks) / kTicksPerSecond;
}

/// As WebVTT writes times: "00:01:02.345".
std::string webvtt_time(Millis at);

}  // namespace telecine::media
