#pragma once

#include "media/av.h"

namespace telecine::media {

/// Luma in a plane of its own, in bytes or the machine's words.
bool has_plain_luma(const AVFrame& frame);

/// Whether anywhere in a picture the lines of one field stand against those of the other, as where
/// something moved between them. Of frames with plain luma.
bool is_combed(const AVFrame& frame);

}  // namespace telecine::media
