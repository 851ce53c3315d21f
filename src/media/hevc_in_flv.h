#pragma once

#include <vector>

#include "media/av.h"

namespace telecine::media {

/// H.265 in FLV: the layout of H.264 (ISO/IEC 14496-15 configuration in front, NAL units behind
/// their lengths) under the codec number 12. libavformat's muxer writes it when it takes the stream
/// for H.264; only the number is missing from the pictures then.
inline constexpr unsigned kFlvHevcNumber = 12;

/// Gives the pictures of a finished file that number: libavformat numbers them by the codec it
/// takes them for.
Status renumber_pictures(int fd);

/// The HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) of 8 bit 4:2:0 pictures, made
/// from parameter sets in Annex B form; those that are such a record already pass. kInternal when
/// there are none.
Result<std::vector<std::uint8_t>> hevc_record(const AVCodecParameters& codec);

/// The packet with lengths of four bytes in place of Annex B's start codes; one that has lengths
/// already passes.
Result<PacketPtr> with_lengths(PacketPtr packet);

}  // namespace telecine::media
