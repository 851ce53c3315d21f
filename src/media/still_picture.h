#pragma once

#include "media/overlay.h"
#include "task/output.h"

namespace telecine::media {

/// The size of a still of a source that viewers see in `display`. kInvalidParameter for a crop
/// outside of it.
Result<Dimensions> still_size(const StillOptions& options, Dimensions display);

/// A picture as a still shows it: of normal dynamic range, framed, with its watermarks. Where none
/// of that is to be done it is the picture itself, not yet of its size.
Result<FramePtr> still_picture(const AVFrame& frame, const StillOptions& options,
                               Dimensions display, Images& images);

}  // namespace telecine::media
