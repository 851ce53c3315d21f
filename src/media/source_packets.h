#pragma once

#include <map>
#include <vector>

#include "media/input.h"

namespace telecine::media {

/// What a stream consists of.
struct PacketList {
  struct Packet {
    double decoded;  ///< s
    double shown;    ///< s
    double bits;
    bool is_key;
    bool is_closed;  ///< a key that nothing behind it looks back over
  };
  std::vector<Packet> packets;  ///< in decoding order: one at least, the first a closed key
  double run_up = 0;            ///< s at the start that the container hides

  double length() const;     ///< s
  double mean_rate() const;  ///< bit/s
  double longest_gop() const;
  /// Whether a decoder's buffer of that many bits, filled at a rate of bit/s, never runs dry. It
  /// starts as full as x264 has it.
  bool fits_buffer(double rate, double buffer) const;
  /// Whether the first picture shown from each multiple of `step` seconds on begins a closed group.
  /// They are counted from `from`, no later than the first picture.
  bool has_keys_every(double step, double from) const;
};

/// The packets of a file's streams. The first question reads all of the file, without decoding.
/// One thread.
class SourcePackets {
 public:
  explicit SourcePackets(const Input& input) : input_(input) {}

  /// Null for a stream whose packets are damaged, do not all have times, come after a hole or a
  /// clock that was set anew, or change on the way what they hold; and in a file that ends early or
  /// is too large to be read beforehand.
  const PacketList* of(const AVStream& stream);

 private:
  void read();

  const Input& input_;
  bool is_read_ = false;
  std::map<int, PacketList> lists_;
};

}  // namespace telecine::media
