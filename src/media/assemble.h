#pragma once

#include <functional>
#include <span>

#include "job/job.h"
#include "job/output_files.h"
#include "media/piece_streams.h"

namespace telecine::media {

/// How prepared pieces are put together, and what stands in for what a piece lacks.
struct Assembly {
  bool has_pictures = false;
  bool has_sound = false;
  bool adds_black = false;    ///< where there are no pictures
  bool adds_silence = false;  ///< where there is no sound
  VideoFacts like{};          ///< black: as the first pictures
  ColourTags colours{};
  Job form{};  ///< and made like all of them
};

/// Writes the pieces one after another to the file `kJoinedName`. `tell` hears now and then how far
/// which one is, 0...1. Errors name the piece.
Result<Fd> assemble(std::span<const Fd> pieces, const Assembly& how, OutputFiles& files,
                    const std::function<void(std::size_t piece, double done)>& tell);

}  // namespace telecine::media
