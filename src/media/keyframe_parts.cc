#include "media/keyframe_parts.h"

#include <algorithm>

#include "media/clock.h"
#include "media/input.h"
#include "media/span.h"

namespace telecine::media {
namespace {

bool copies_pictures(const OutputSpec& spec) {
  return spec.type == OutputType::kVideo && !spec.renditions.empty() &&
         spec.renditions.front().video && spec.renditions.front().video->codec == VideoCodec::kCopy;
}

/// Counted from the start of the file, as `at` is.
Result<Millis> keyframe_before(int fd, int stream, Millis at) {
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  if (!input->seek_before(stream, at)) {
    input = Input::open(fd);
    if (!input) return std::unexpected(input.error());
  }
  const AVFormatContext& format = input->format();
  const AVRational base = input->stream(stream).time_base;
  const Ticks start =
      format.start_time == AV_NOPTS_VALUE ? 0 : to_ticks(format.start_time, kMicroseconds);
  // A keyframe named to the millisecond is meant, whichever way it was rounded.
  const Ticks wanted = start + ms_to_ticks(at) + ms_to_ticks(1);
  Ticks found = start;
  while (const PacketPtr packet = input->read()) {
    if (packet->stream_index != stream) continue;
    const std::int64_t decoded = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    if (decoded != AV_NOPTS_VALUE && to_ticks(decoded, base) > wanted) break;
    if ((packet->flags & AV_PKT_FLAG_KEY) == 0) continue;
    const std::int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (time != AV_NOPTS_VALUE && to_ticks(time, base) <= wanted) found = to_ticks(time, base);
  }
  return std::max<Millis>(0, ticks_to_ms(found - start));
}

}  // namespace

Result<std::vector<OutputSpec>> on_keyframes(int fd, const MediaFacts& source,
                                             std::vector<OutputSpec> outputs) {
  const VideoFacts* video = source.main_video();
  for (OutputSpec& spec : outputs) {
    if (video == nullptr || spec.cut != Cut::kKeyframe || !copies_pictures(spec)) continue;
    const auto part = part_of(spec, source.duration);
    if (!part || part->is_whole()) continue;
    auto key = keyframe_before(fd, video->index, part->start);
    if (!key) return std::unexpected(key.error());
    spec.start = *key;
    spec.end = part->end;
  }
  return outputs;
}

}  // namespace telecine::media
