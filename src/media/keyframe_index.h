#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "job/job.h"
#include "media/clock.h"
#include "media/input.h"

namespace telecine::media {

/// The keyframes of a stream of pictures, in a file without an index that times can be trusted in.
/// All of it is read for them, without decoding. One thread.
class KeyframeIndex {
 public:
  /// Whether a stream is one of those whose clocks are followed; see ClockLeaps.
  using Uses = std::function<bool(const AVStream&)>;
  /// Keyframes that are looked at in vain, as they are damaged, before the file's start is taken.
  static constexpr int kTries = 8;
  /// Hears how much of the work is done, 0...1, now and then.
  using Heard = std::function<void(double)>;

  /// `zero` is the ticks of the stream's clock that become 0. Nothing where the clock was set anew
  /// too often to be noted.
  static std::optional<KeyframeIndex> read(const Input& source, int stream, Ticks zero,
                                           const Uses& uses, const Heard& heard);

  /// Of the last picture.
  Ticks end() const { return end_; }
  /// When the last keyframe at or before `at` is shown that reading can begin with: from its place
  /// on come the same packets as when all is read, and it can be decoded. 0: only the file's start.
  Ticks before(Ticks at);
  /// Whether such a keyframe is found near a time, or the file's start is.
  bool is_near_start(Ticks at);
  /// How to read what is shown from `from` until `to`, with all it refers to.
  std::vector<Waypoint> way(Ticks from, Ticks to);

 private:
  struct Packet {
    std::int64_t time;  // as it says itself
    int size;
  };
  struct Keyframe {
    Ticks shown;
    std::int64_t position;
    std::size_t place;                // among the packets
    std::optional<bool> begins = {};  // whether reading can begin with it, once that was looked at
  };
  struct Leap {
    Waypoint from;
    Ticks at;
  };

  KeyframeIndex(Input input, int stream, Ticks zero, Heard heard)
      : input_(std::move(input)), stream_(stream), zero_(zero), heard_(std::move(heard)) {}

  bool read_packets(const Uses& uses);
  Keyframe* find(Ticks at);
  bool can_begin_with(const Keyframe& key);
  std::vector<Waypoint> way_from(std::int64_t position, Ticks to) const;

  Input input_;
  int stream_;
  Ticks zero_;
  Heard heard_;
  Ticks end_ = 0;
  std::vector<Packet> packets_;
  std::vector<Keyframe> keys_;  // in order of both
  std::vector<Leap> leaps_;     // the first is of the file's start
};

}  // namespace telecine::media
