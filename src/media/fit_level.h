#pragma once

#include "media/encoders.h"

namespace telecine::media {

/// Brings settings that name a level to what its decoders take: where no largest bit rate is asked
/// for, that is the level's. kUnsupported, with what is too much, where size, frame rate or bit
/// rate are beyond it.
Status fit_level(VideoSettings& settings);

/// Pictures of H.264 that may be kept for reference; 0: no level says.
int most_references(const VideoSettings& settings);

}  // namespace telecine::media
