#pragma once

#include <array>

#include "media/av.h"

namespace telecine::media {

/// Red, green and blue, 0...1.
using Channels = std::array<double, 3>;

/// A colour of sRGB in the terms of a transfer: in PQ and HLG on BT.2020, its white as bright as
/// BT.2408 has graphics' (203 cd/m2); in any other as it is.
Channels drawn_in(AVColorTransferCharacteristic transfer, const Channels& srgb);

/// A colour of sRGB in the samples of a picture: luma, blue and red difference.
std::array<int, 3> samples_of(const AVFrame& frame, const Channels& srgb, int depth);

}  // namespace telecine::media
