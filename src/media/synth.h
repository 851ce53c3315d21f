#pragma once

#include "base/error.h"
#include "job/drawn.h"
#include "job/output_files.h"

namespace telecine::media {

/// Writes an H.264 (+ AAC) MP4 named `name`: moving gradient bars and a bouncing box; at each full
/// second the first picture is white and a 1 kHz beep of 60 ms starts, so that sound and picture
/// can be checked against each other. The same options give the same pictures.
Status synthesise(const SynthOptions& options, OutputFiles& files, const std::string& name);

}  // namespace telecine::media
