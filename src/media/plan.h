#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "media/encoders.h"
#include "media/input.h"
#include "media/span.h"
#include "task/facts.h"
#include "task/output.h"

namespace telecine::media {

/// One encode of pictures, wanted by any number of renditions.
struct PlannedVideo {
  VideoSettings settings;
  double rate_limit = 0;  ///< frames/s; 0 lets every frame pass
  Part part;
  /// The planned encode whose scaled pictures it takes; else the source.
  std::optional<int> parent;
};

/// One encode of sound.
struct PlannedSound {
  AudioOptions options;
  std::size_t source = 0;  ///< among the source's sounds
  Part part;
  bool operator==(const PlannedSound&) const = default;
};

/// A track of sound: an encode, or without one the source's own stream.
struct PlannedTrack {
  std::size_t source = 0;     ///< among the source's sounds
  std::optional<int> encode;  ///< among the plan's
  bool operator==(const PlannedTrack&) const = default;
};
using PlannedTracks = std::vector<PlannedTrack>;

/// What one rendition takes: its pictures are one of the plan's encodes, or the source's own.
struct PlannedRendition {
  std::optional<int> video;
  bool copies_video = false;
  PlannedTracks sounds;              ///< in one file with the pictures
  std::optional<std::size_t> group;  ///< or this one of the output's, packaged apart
};

struct PlannedOutput {
  std::optional<Error> error;  ///< it can't be made of this source
  Part part;
  std::vector<PlannedRendition> renditions;
  std::vector<PlannedTracks> groups;  ///< of ladders whose sound is packaged apart
  std::vector<std::string> notes;     ///< what is not made the usual way, and why
};

/// Which encodes a job needs: each distinct setting once.
struct Plan {
  std::vector<PlannedVideo> video;  ///< larger pictures first, parents before children
  std::vector<PlannedSound> audio;
  std::vector<PlannedOutput> outputs;  ///< in the job's order
  bool decodes_video = false;          ///< for an encode or for stills
  bool copies_video = false;           ///< in any output
  std::vector<bool> decodes_audio;     ///< by the source's sounds, for an encode
  std::vector<bool> copies_audio;      ///< likewise, in any output
};

struct SourceSound {
  const AudioFacts* facts = nullptr;
  const AVStream* stream = nullptr;
};

/// What can be used of the source.
struct SourceStreams {
  const VideoFacts* video = nullptr;  ///< null where it has none
  const AVStream* video_stream = nullptr;
  std::vector<SourceSound> sounds;                            ///< in the file's order
  Millis duration = 0;                                        ///< of the source
  std::function<bool()> is_telecined = [] { return false; };  ///< looked up when it matters
};

class Reuse;

Plan make_plan(const std::vector<OutputSpec>& outputs, const SourceStreams& source, int threads,
               Reuse& reuse);

}  // namespace telecine::media
