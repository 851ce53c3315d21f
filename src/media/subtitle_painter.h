#pragma once

#include <memory>

#include "media/scale.h"
#include "media/script.h"

namespace telecine::media {

/// What subtitles are drawn on.
struct SubtitleGround {
  Dimensions size;    ///< of the pictures
  Dimensions shown;   ///< the source's, as players show them
  Dimensions stored;  ///< and as it holds them
  Ticks shift = 0;    ///< what the script's clock shows when the pictures' shows 0
};

/// Draws subtitles into planar 4:2:0 pictures of 8 or 10 bits. One thread.
class SubtitlePainter {
 public:
  SubtitlePainter() = default;
  SubtitlePainter(const SubtitlePainter&) = delete;
  SubtitlePainter& operator=(const SubtitlePainter&) = delete;
  virtual ~SubtitlePainter() = default;

  /// The picture itself where nothing is said. Their times never go back.
  virtual Result<FramePtr> paint(FramePtr frame) = 0;
};

/// By what the script is.
Result<std::unique_ptr<SubtitlePainter>> open_painter(std::shared_ptr<const Script> script,
                                                      const BurntSubtitles& wanted,
                                                      const SubtitleGround& ground);

}  // namespace telecine::media
