#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "task/output.h"

namespace telecine {

/// What encoded streams travel in: a container, or a segment format of HLS. Players and
/// specifications decide what fits.
struct Carrier {
  std::string_view name;              ///< "mp4", "ts segments"
  std::span<const VideoCodec> video;  ///< the first is the default; empty: sound only
  std::span<const AudioCodec> audio;  ///< the first is the default; empty: pictures only
  bool many_sounds = true;            ///< several tracks of sound side by side
};
/// For kVideo and kHls.
const Carrier& carrier_of(const OutputSpec& spec);

/// Why a rendition cannot be put into a carrier.
struct Misfit {
  std::string field;  ///< "video.codec"
  std::string message;
};
std::optional<Misfit> misfit(const Rendition& rendition, const Carrier& carrier);

}  // namespace telecine
