#pragma once

#include <string>

#include "media/encoders.h"
#include "media/input.h"

namespace telecine::media {

/// PQ (SMPTE ST 2084) or HLG (ARIB STD-B67).
bool is_hdr(AVColorTransferCharacteristic transfer);

/// Filters that map pictures of high dynamic range to BT.709 in the given format.
std::string tone_map_filters(const ColourTags& source, AVPixelFormat to);

/// Filters that bring other pictures of usual range to BT.709. See `source_colours`.
std::string matrix_filters(const ColourTags& source, AVPixelFormat to);

/// Brings a picture to BT.709 in 8 bit if it is of high dynamic range; passes any other.
Result<FramePtr> as_sdr(FramePtr frame);

/// What the first picture of a stream says of its light, else the container. Looks at the file
/// anew, so that it is the same wherever `input` stands.
HdrLight light_of(const Input& input, int stream);
/// The same as parameters of x265 and of SVT-AV1; empty when nothing is known.
std::string x265_light(const HdrLight& light);
std::string svt_light(const HdrLight& light);

}  // namespace telecine::media
