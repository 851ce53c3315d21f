#pragma once

#include <memory>

#include "media/scale.h"
#include "media/script.h"

namespace telecine::media {

/// Draws a script's lines into planar 4:2:0 pictures of 8 or 10 bits, with the fonts that
/// `load_font_files` read. One thread.
class SubtitlePainter {
 public:
  /// `shift` is what the script's clock shows when the pictures' shows 0.
  static Result<std::unique_ptr<SubtitlePainter>> create(const Script& script, Dimensions size,
                                                         Ticks shift);
  ~SubtitlePainter();
  SubtitlePainter(const SubtitlePainter&) = delete;
  SubtitlePainter& operator=(const SubtitlePainter&) = delete;

  /// The picture itself where nothing is said.
  Result<FramePtr> paint(FramePtr frame);

 private:
  struct Impl;
  explicit SubtitlePainter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine::media
