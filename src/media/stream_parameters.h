#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "media/nal_units.h"

namespace telecine::media {

/// Watches whether a stream goes on as its container says it begins. Some formats may change
/// picture size, channels or parameter sets on the way without a word in the container: a decoder
/// follows, but a copy of such a stream is not what its header says. One thread.
class ParameterWatch {
 public:
  explicit ParameterWatch(const AVStream& stream);

  /// Whether all is as before with the next packet in decoding order. H.264 and H.265 are looked at
  /// in key packets only, where a new sequence begins.
  bool stays(const AVPacket& packet);
  /// Whether the last key packet begins a group that refers to nothing before it.
  bool is_closed() const { return is_closed_; }

 private:
  bool keeps_sets(const AVPacket& packet);
  bool keeps_sequence_header(BytesView packet);
  bool keeps_size(BytesView packet);
  bool keeps_sound(BytesView packet);

  const AVCodecParameters& codec_;
  int length_size_ = 0;                                // of H.264 and H.265
  std::vector<Bytes> sets_;                            // likewise: what pictures may name
  Bytes sequence_header_;                              // of AV1; empty: none seen
  std::optional<std::pair<unsigned, unsigned>> size_;  // of VP9, px
  std::optional<std::uint32_t> sound_;                 // what all headers of a stream share
  bool is_closed_ = false;
};

/// The size that a VP9 frame's header states, px; nothing where it has that of a frame before it.
/// kDecodeFailed for what is no such header. VP9 bitstream specification, 6.2 and 7.2.
Result<std::optional<std::pair<unsigned, unsigned>>> vp9_size(BytesView frame);
/// The frames of a VP9 packet, hidden ones too; the specification's annex B.
std::vector<BytesView> vp9_frames(BytesView packet);

}  // namespace telecine::media
