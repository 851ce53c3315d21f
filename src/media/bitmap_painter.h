#pragma once

#include "media/subtitle_painter.h"

namespace telecine::media {

/// Of pictures: PGS (Blu-ray), VobSub (DVD) and DVB. They are drawn where they stand on the screen
/// they were made for, which is laid over the source's pictures.
Result<std::unique_ptr<SubtitlePainter>> open_bitmap_painter(std::shared_ptr<const Script> script,
                                                             const SubtitleGround& ground);

}  // namespace telecine::media
