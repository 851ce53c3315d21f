#pragma once

#include <array>
#include <optional>

#include "media/nal_units.h"

namespace telecine::media {

// AAC in transport streams comes in frames with a header each (ADTS; ISO/IEC 13818-7, 6.2), where
// other containers have bare frames and one AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).

struct AdtsHeader {
  std::size_t size = 0;                  ///< bytes
  std::array<std::uint8_t, 2> config{};  ///< the AudioSpecificConfig that says the same
};
/// Nothing for what is no such header, or one that no config of two bytes can stand for: several
/// frames behind one header, or channels that are described in the frame.
std::optional<AdtsHeader> adts_header(BytesView packet);

/// Whether a stream's packets have such headers.
bool is_adts(const AVCodecParameters& codec);
/// The stream as it is without them, with the config that its first header will agree with.
Result<CodecParametersPtr> without_adts(const AVCodecParameters& codec);

}  // namespace telecine::media
