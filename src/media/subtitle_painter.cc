#include "media/subtitle_painter.h"

#include "media/bitmap_painter.h"
#include "media/line_painter.h"
#include "media/picture_plane.h"

namespace telecine::media {

int depth_of(const AVFrame& frame) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return format == nullptr ? 8 : format->comp[0].depth;
}

Result<std::unique_ptr<SubtitlePainter>> open_painter(std::shared_ptr<const Script> script,
                                                      const BurntSubtitles& wanted,
                                                      const SubtitleGround& ground) {
  if (script->bitmaps != AV_CODEC_ID_NONE) return open_bitmap_painter(std::move(script), ground);
  const std::string head =
      script->head.empty() ? plain_head(wanted, ground.size.height) : script->head;
  return open_line_painter(*script, head, ground);
}

}  // namespace telecine::media
