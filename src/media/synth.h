#pragma once

#include "base/error.h"
#include "media/output_files.h"

namespace telecine::media {

/// A test clip drawn by code, for machines without clips.
struct SynthOptions {
  double seconds = 20;
  int width = 1280;  ///< px, even
  int height = 720;
  double fps = 25;
  bool audio = true;  ///< stereo 48 kHz: a quiet tone, and a beep with each flash
};

/// Writes an H.264 (+ AAC) MP4 named `name`: moving gradient bars and a bouncing box; at each full
/// second the first picture is white and a 1 kHz beep of 60 ms starts, so that sound and picture
/// can be checked against each other. The same options give the same pictures.
Status synthesise(const SynthOptions& options, OutputFiles& files, const std::string& name);

}  // namespace telecine::media
