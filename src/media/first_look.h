#pragma once

#include "media/av.h"
#include "media/io.h"

namespace telecine::media {

/// Learns the format and colours of an H.264 stream in an MP4 from the head of its first picture,
/// for which avformat_find_stream_info would decode all of it: often more work than the rest of a
/// small task. False, with nothing changed, where that head does not tell all.
bool look_at_first_picture(const ReadIo& io, AVStream& stream);

}  // namespace telecine::media
