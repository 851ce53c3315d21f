#pragma once

#include "media/clock.h"
#include "media/nal_units.h"

namespace telecine::media {

/// Whether CutEncoder makes pictures for this stream.
bool can_cut(const AVStream& stream);

/// Encodes pictures that are to stand beside copied ones in one stream of H.264 or H.265: of the
/// same format and look, decodable by parameter sets of their own. No picture waits for a later
/// one, so that decoding order is that of showing. One thread.
class CutEncoder {
 public:
  /// kUnsupported when pictures of this stream cannot be made.
  static Result<CutEncoder> open(const AVStream& stream, int threads);

  /// What must be known to a decoder beside the stream's own.
  const Bytes& parameter_sets() const { return sets_; }
  /// `frame->pts` is in the stream's time base and so are the packets'. The first one is a
  /// keyframe.
  Result<std::vector<PacketPtr>> encode(FramePtr frame);
  Result<std::vector<PacketPtr>> finish();

 private:
  CutEncoder() = default;
  Result<std::vector<PacketPtr>> receive_all();

  CodecContextPtr context_;
  Bytes sets_;
};

}  // namespace telecine::media
