#include "job/drawn.h"

namespace telecine::media {

std::int64_t animatic_memory(const AnimaticOptions& options) {
  constexpr std::int64_t kBase = 160LL << 20;
  // Cards or pictures, their drawing in RGB, and what the encoder looks ahead at.
  constexpr std::int64_t kFrames = 90;
  return kBase + kFrames * options.width * options.height * 3 / 2;
}

}  // namespace telecine::media
