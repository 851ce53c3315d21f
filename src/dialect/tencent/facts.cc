#include "dialect/tencent/facts.h"

#include <algorithm>
#include <cmath>

namespace telecine::tencent {
namespace {

template <typename Member>
int largest(const MediaFacts& facts, Member member) {
  int most = 0;
  for (const VideoFacts& video : facts.video) {
    if (!video.attached_picture) most = std::max(most, video.*member);
  }
  return most;
}

/// What a stream takes of its file: what it says of itself; else what the others leave.
template <typename Stream>
std::int64_t bitrate_of(const MediaFacts& facts, const Stream& stream) {
  if (stream.bitrate > 0) return stream.bitrate;
  std::int64_t left = facts.bitrate;
  int silent = 0;
  const auto take = [&](const auto& other) {
    left -= other.bitrate;
    if (other.bitrate <= 0) ++silent;
  };
  std::ranges::for_each(facts.video, take);
  std::ranges::for_each(facts.audio, take);
  return silent == 1 ? std::max<std::int64_t>(0, left) : 0;
}

}  // namespace

std::int64_t whole_seconds(Millis ms) {
  return (ms + 500) / 1000;
}

int width_of(const MediaFacts& facts) {
  return largest(facts, &VideoFacts::width);
}

int height_of(const MediaFacts& facts) {
  return largest(facts, &VideoFacts::height);
}

json::array video_streams(const MediaFacts& facts) {
  json::array list;
  for (const VideoFacts& video : facts.video) {
    if (video.attached_picture) continue;
    list.emplace_back(json::object{{"bitrate", bitrate_of(facts, video)},
                                   {"height", video.height},
                                   {"width", video.width},
                                   {"codec", video.codec},
                                   {"fps", std::lround(video.frame_rate.value())}});
  }
  return list;
}

json::array audio_streams(const MediaFacts& facts) {
  json::array list;
  for (const AudioFacts& audio : facts.audio) {
    list.emplace_back(json::object{{"codec", audio.codec},
                                   {"samplingRate", audio.sample_rate},
                                   {"bitrate", bitrate_of(facts, audio)}});
  }
  return list;
}

json::object meta_data(const MediaFacts& facts) {
  json::object o{{"size", facts.size},
                 {"container", facts.container},
                 {"bitrate", facts.bitrate},
                 {"height", height_of(facts)},
                 {"width", width_of(facts)},
                 {"md5", facts.md5},
                 {"duration", whole_seconds(facts.duration)}};
  const VideoFacts* video = facts.main_video();
  if (video != nullptr && video->rotation != 0) o["rotate"] = video->rotation;
  o["videoStreamList"] = video_streams(facts);
  o["audioStreamList"] = audio_streams(facts);
  return o;
}

}  // namespace telecine::tencent
