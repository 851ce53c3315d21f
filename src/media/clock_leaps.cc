#include "media/clock_leaps.h"

#include <cstdlib>

namespace telecine::media {
namespace {

// A broadcast clock that leaps further than this was set anew; the show goes on without a hole.
constexpr Ticks kClockLeap = 10LL * kTicksPerSecond;
// Less is a hole: the signal was lost. A clock never falls back unless it was set anew; packets
// that come a little late are none.
constexpr Ticks kClockFallsBack = kTicksPerSecond / 2;
// Streams that are interleaved loosely are no further apart.
constexpr Ticks kSilent = 5LL * kTicksPerSecond;

}  // namespace

void ClockLeaps::follow(AVPacket& packet) {
  if (!known_.empty()) return follow_known(packet);
  if (!may_leap()) return;
  const auto index = static_cast<std::size_t>(packet.stream_index);
  const AVStream& stream = *format_.streams[index];
  const AVRational base = stream.time_base;
  clocks_.resize(std::max(clocks_.size(), index + 1));
  StreamClock& clock = clocks_[index];
  if (packet.dts == AV_NOPTS_VALUE) return shift(packet, clock.jump);
  const Ticks at = to_ticks(packet.dts, base);
  if (stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE) {
    // Words have holes between them: of the clocks that are there, the one the others are near.
    const auto off = [&](Ticks jump) { return std::abs(at + jump - latest_); };
    if (off(jump_) < off(clock.jump)) clock.jump = jump_;
  } else if (clock.expected) {
    const auto leap = [&](Ticks jump) { return at + jump - *clock.expected; };
    if (std::abs(leap(jump_)) < std::abs(leap(clock.jump))) clock.jump = jump_;
    if (leap(clock.jump) > kClockLeap || leap(clock.jump) < -kClockFallsBack) {
      leap_to(at, clock);
    }
  } else {
    clock.jump = jump_;
  }
  clock.expected = at + clock.jump + to_ticks(std::max<std::int64_t>(0, packet.duration), base);
  if (stream.codecpar->codec_type != AVMEDIA_TYPE_SUBTITLE) latest_ = *clock.expected;
  shift(packet, clock.jump);
}

/// A stream was silent for a while if the others went on meanwhile: then it is expected where they
/// are, and its clock may not have leapt at all.
void ClockLeaps::leap_to(Ticks at, StreamClock& clock) {
  const bool was_silent = latest_ - *clock.expected > kSilent;
  if (was_silent && std::abs(at + clock.jump - latest_) <= kClockLeap) return;
  clock.jump = (was_silent ? latest_ : *clock.expected) - at;
  jump_ = clock.jump;
}

void ClockLeaps::follow_known(AVPacket& packet) {
  while (passed_ < known_.size() && known_[passed_].position <= packet.pos) {
    jump_ = known_[passed_++].jump;
  }
  if (passed_ == 0) jump_ = known_.front().jump;
  shift(packet, jump_);
}

void ClockLeaps::shift(AVPacket& packet, Ticks jump) const {
  if (jump == 0) return;
  const AVRational base = format_.streams[packet.stream_index]->time_base;
  const std::int64_t by = av_rescale_q(jump, kTicks, base);
  if (packet.dts != AV_NOPTS_VALUE) packet.dts += by;
  if (packet.pts != AV_NOPTS_VALUE) packet.pts += by;
}

}  // namespace telecine::media
