#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/clock.h"
#include "media/input.h"
#include "media/output_files.h"
#include "task/facts.h"
#include "task/picture.h"

namespace telecine::media {

/// Subtitles as a script in the terms of ASS: styles, and lines on the source's clock.
struct Script {
  struct Line {
    Ticks start = 0;
    Ticks length = 0;
    std::string text;  ///< a dialogue as libavcodec writes it
  };
  std::string head;
  std::vector<Line> lines;
};

/// A SubRip, WebVTT or ASS file. `height` is that of the pictures, px; `origin` is where its times
/// begin on the source's clock.
Result<Script> read_script(OutputFiles& files, const BurntSubtitles& wanted, int height,
                           Ticks origin);

/// A text stream of the source, read once from its beginning. `zero` is what the source's clock
/// shows when the pipeline's shows 0.
Result<Script> read_script(const Input& source, const MediaFacts& facts,
                           const BurntSubtitles& wanted, int height, Ticks zero);

}  // namespace telecine::media
