#pragma once

#include "media/av.h"
#include "task/facts.h"

namespace telecine::media {

/// What a stream's codec parameters say, in the words of task/facts.h. Times, counts and container
/// facts are left to the caller.
VideoFacts describe_video(const AVCodecParameters& codec);
AudioFacts describe_audio(const AVCodecParameters& codec);

/// How a stored picture becomes the one a viewer sees: mirrored left to right first, then turned
/// clockwise by 0, 90, 180 or 270 degrees.
struct Orientation {
  int rotation = 0;
  bool mirrored = false;
  bool operator==(const Orientation&) const = default;
};
/// From the stream's display matrix; other angles go to the nearest quarter turn.
Orientation orientation_of(const AVStream& stream);

/// Fills `width` and `height` from the coded size, SAR and rotation.
void apply_display_size(VideoFacts& facts);

/// HDR metadata from anything that carries mastering display and content light level.
void add_mastering(HdrFacts& facts, const std::uint8_t* data);
void add_light_level(HdrFacts& facts, const std::uint8_t* data);

std::string language_of(const AVDictionary* metadata);
std::string title_of(const AVDictionary* metadata);

}  // namespace telecine::media
