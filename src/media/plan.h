#pragma once

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
  Part part;
  bool operator==(const PlannedSound&) const = default;
};

/// What one rendition takes: indices into the plan's encodes, or the source's own streams.
struct PlannedRendition {
  std::optional<int> video;
  std::optional<int> audio;
  bool copies_video = false;
  bool copies_audio = false;
};

struct PlannedOutput {
  std::optional<Error> error;  ///< it can't be made of this source
  Part part;
  std::vector<PlannedRendition> renditions;
};

/// Which encodes a job needs: each distinct setting once.
struct Plan {
  std::vector<PlannedVideo> video;  ///< larger pictures first, parents before children
  std::vector<PlannedSound> audio;
  std::vector<PlannedOutput> outputs;  ///< in the job's order
  bool decodes_video = false;          ///< for an encode or for stills
  bool copies_video = false;           ///< in any output
  bool copies_audio = false;
};

/// The streams of the source that are used; null where it has none.
struct SourceStreams {
  const VideoFacts* video = nullptr;
  const AVStream* video_stream = nullptr;
  const AudioFacts* audio = nullptr;
  const AVStream* audio_stream = nullptr;
  Millis duration = 0;  ///< of the source
};

Plan make_plan(const std::vector<OutputSpec>& outputs, const SourceStreams& source, int threads);

}  // namespace telecine::media
