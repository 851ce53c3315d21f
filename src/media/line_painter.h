#pragma once

#include "media/subtitle_painter.h"

namespace telecine::media {

/// Of text, with the fonts that `load_font_files` read. `head` has its styles.
Result<std::unique_ptr<SubtitlePainter>> open_line_painter(const Script& script, std::string head,
                                                           const SubtitleGround& ground);

}  // namespace telecine::media
