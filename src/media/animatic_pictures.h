#pragma once

#include "media/animatic.h"
#include "media/av.h"
#include "task/rendition.h"

namespace telecine::media {

/// The upright picture behind an index, as it comes out of its decoder.
Result<FramePtr> read_picture(const OpenPicture& open, int index);
/// Scaled, as RGB24 and from there as the encoder's planar 4:2:0 in BT.709.
Result<FramePtr> as_rgb(const AVFrame& picture, Dimensions size);
Result<FramePtr> as_yuv(const AVFrame& rgb);

/// The smallest even size of the picture's shape that covers an area, and the largest in it.
Dimensions cover(const AVFrame& picture, double width, double height);
Dimensions inside(const AVFrame& picture, double width, double height);

/// `share` 0...256 of `b` over `a`; both planar 4:2:0 and of one size.
Result<FramePtr> dissolve(const AVFrame& a, const AVFrame& b, int share);

/// A part of a picture, in its px.
struct PanWindow {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};
/// The window of a planar 4:2:0 picture, scaled to `size`, between the pixels where it falls
/// between them: whole pixels would make slow moves tremble.
Result<FramePtr> sample(const AVFrame& from, const PanWindow& window, Dimensions size);

/// Covers the lowest lines of a picture with another one of its width. Its uppermost `sheer` lines
/// let a quarter of what is below through, which never darkens them.
void put_foot(AVFrame& frame, const AVFrame& foot, int sheer);

}  // namespace telecine::media
