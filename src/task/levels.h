#pragma once

#include <cstdint>
#include <string>

#include "task/rendition.h"

namespace telecine {

/// What a decoder of a level promises to take (Rec. H.264, table A-1; Rec. H.265, tables A.8 and
/// A.9, main tier).
struct Level {
  int number = 0;             ///< ten times its name: 31 is 3.1
  std::int64_t picture = 0;   ///< H.264 macroblocks, H.265 luma samples
  std::int64_t rate = 0;      ///< of these, a second
  std::int64_t pictures = 0;  ///< H.264: macroblocks of all pictures kept for reference
  std::int64_t bitrate = 0;   ///< bit/s; in H.264's High profiles a quarter more
  std::int64_t buffer = 0;    ///< bit; likewise
};

/// Null for a level that a codec does not have.
const Level* level_of(VideoCodec codec, int number);
/// "1, 1.1 ... 6.2"; empty for codecs without.
std::string levels_listed(VideoCodec codec);
/// "3.1".
std::string level_name(int number);

}  // namespace telecine
