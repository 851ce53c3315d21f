#pragma once

#include "media/input.h"
#include "media/plan.h"

namespace telecine::media {

/// Whether a file is an MP4 or MOV that holds all that its index lists, with one description for
/// each stream. Others do not list their packets, and nothing is known of those without reading.
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
