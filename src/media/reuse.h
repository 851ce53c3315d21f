#pragma once

#include <vector>

#include "job/job.h"
#include "media/plan.h"
#include "media/source_packets.h"

namespace telecine::media {

/// Which streams of a source go into outputs as they are, although an encode was asked for: those
/// that already are what is wanted, so that encoding them again could only lose. Judged packet by
/// packet, and only for whole files and ladders of the whole source: the rate of a part is not
/// that of the whole. Constant quality without a cap names no rate that a stream could be within,
/// so such a wish is always encoded. One thread.
class Reuse {
 public:
  /// Both must outlive it. Where the job says what an earlier run has found, that holds.
  Reuse(const Input& input, const Job& job);

  /// `planned` is what `wanted` means for this source. Renditions of ladders begin their segments
  /// together, so their pictures are taken only if they have keyframes where encodes would.
  bool takes_pictures(const OutputSpec& spec, std::size_t rendition, const PlannedVideo& planned,
                      const VideoOptions& wanted, const SourceStreams& source);
  /// A container that does not say from where on it plays would play what the source hides.
  bool takes_sound(const OutputSpec& spec, std::size_t rendition, std::size_t place,
                   const AudioOptions& wanted, const SourceStreams& source);

  /// All that was answered with yes.
  const std::vector<Reused>& taken() const { return taken_; }

 private:
  bool is_already(const OutputSpec& spec, const PlannedVideo& planned, const VideoOptions& wanted,
                  const SourceStreams& source);
  bool is_already(const OutputSpec& spec, const AudioOptions& wanted, const SourceSound& sound);
  bool is_known(const Reused& one) const;
  bool note(Reused one, bool taken);

  const Job& job_;
  SourcePackets packets_;
  std::vector<Reused> taken_;
};

}  // namespace telecine::media
