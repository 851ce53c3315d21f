#pragma once

#include "media/input.h"
#include "media/plan.h"

namespace telecine::media {

/// Whether a file has an index of all its packets, none of them beyond its end, and one set of
/// parameters for each stream: an MP4 as it should be.
bool lists_whole_packets(const Input& input);

/// Whether the source's own stream already is what an encode would be asked for, so that encoding
/// it again could only lose. Judged by the file's index, packet by packet: a stream without a
/// complete one never is. Constant quality without a cap names no rate that a stream could be
/// within, so such a wish is always encoded.
///
/// `planned` is what `wanted` means for this source.
bool is_already(const PlannedVideo& planned, const VideoOptions& wanted, const VideoFacts& facts,
                const AVStream& stream);

/// Likewise for sound, of which a container that does not say from where on it plays would play
/// what the source hides.
bool is_already(const AudioOptions& wanted, const SourceSound& sound, bool may_hide);

}  // namespace telecine::media
