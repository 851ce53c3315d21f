#pragma once

#include <optional>
#include <vector>

#include "media/clock.h"

namespace telecine::media {

/// Puts packets right whose clocks were set anew on the way, so that what they hold goes on without
/// a hole. Only in formats whose clocks may leap (MPEG-TS, MPEG-PS): elsewhere a hole is a hole.
/// One thread.
class ClockLeaps {
 public:
  explicit ClockLeaps(const AVFormatContext& format) : format_(format) {}

  /// Streams take to a clock set anew one after another, each when that brings its packets to where
  /// they are expected, so that sound and pictures stay together.
  void follow(AVPacket& packet);
  /// Whether any leapt so far.
  bool any() const { return jump_ != 0; }

 private:
  struct StreamClock {
    std::optional<Ticks> expected;  // when its next packet is
    Ticks jump = 0;                 // added to what its packets say
  };

  const AVFormatContext& format_;
  std::vector<StreamClock> clocks_;  // by stream
  Ticks jump_ = 0;                   // of the clock that was set anew last
  Ticks latest_ = 0;                 // where pictures and sound have come to
};

}  // namespace telecine::media
