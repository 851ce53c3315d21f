#pragma once

#include <optional>
#include <vector>

#include "job/job.h"
#include "media/clock.h"

namespace telecine::media {

/// Puts packets right whose clocks were set anew on the way, so that what they hold goes on without
/// a hole. Only in formats whose clocks may leap (MPEG-TS, MPEG-PS): elsewhere a hole is a hole.
/// One thread.
class ClockLeaps {
 public:
  /// `known` is what another reading found of the one stream that this one reads, in order.
  explicit ClockLeaps(const AVFormatContext& format, std::vector<Waypoint> known = {})
      : format_(format), known_(std::move(known)) {}

  /// Streams take to a clock set anew one after another, each when that brings its packets to where
  /// they are expected, so that sound and pictures stay together.
  void follow(AVPacket& packet);
  /// Whether any leapt so far.
  bool any() const { return jump_ != 0; }
  /// What is added to the clock that was set anew last.
  Ticks jump() const { return jump_; }
  /// Whether it is of a format where any could.
  bool may_leap() const { return (format_.iformat->flags & AVFMT_TS_DISCONT) != 0; }
  /// What was added to the last packet of a stream.
  Ticks jump_of(int stream) const {
    const auto index = static_cast<std::size_t>(stream);
    return index < clocks_.size() ? clocks_[index].jump : 0;
  }

 private:
  struct StreamClock {
    std::optional<Ticks> expected;  // when its next packet is
    Ticks jump = 0;                 // added to what its packets say
  };

  void leap_to(Ticks at, StreamClock& clock);
  void follow_known(AVPacket& packet);
  void shift(AVPacket& packet, Ticks jump) const;

  const AVFormatContext& format_;
  std::vector<Waypoint> known_;
  std::size_t passed_ = 0;           // of these
  std::vector<StreamClock> clocks_;  // by stream
  Ticks jump_ = 0;                   // of the clock that was set anew last
  Ticks latest_ = 0;                 // where pictures and sound have come to
};

}  // namespace telecine::media
