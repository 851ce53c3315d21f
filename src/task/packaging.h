#pragma once

#include "base/json.h"
#include "task/output.h"

namespace telecine {

/// How an output's tracks are put together: the fields `fragmented`, `manifests`, `encryption` and
/// `subtitles` (of kSubtitles `tracks`). Call `read_packaging` once the renditions are read.
void read_packaging(ObjectReader& in, OutputSpec& spec);
void write_packaging(boost::json::object& o, const OutputSpec& spec);

/// Whether a ladder's sound is packaged apart from its pictures: for DASH, and where there may be
/// several tracks to choose from.
bool has_sound_apart(const OutputSpec& spec);
bool has_manifest(const OutputSpec& spec, Manifest manifest);

}  // namespace telecine
