#pragma once

#include "base/json.h"
#include "task/facts.h"

namespace telecine::tencent {

/// Rounded half up.
std::int64_t whole_seconds(Millis ms);
/// The largest of the video streams, px; 0 without one.
int width_of(const MediaFacts& facts);
int height_of(const MediaFacts& facts);
json::array video_streams(const MediaFacts& facts);
json::array audio_streams(const MediaFacts& facts);
/// Size, streams and so on of a file.
json::object meta_data(const MediaFacts& facts);

}  // namespace telecine::tencent
