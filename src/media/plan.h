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

/// What one rendition takes: indices into the plan's encodes.
struct PlannedRendition {
  std::optional<int> video;
  std::optional<int> audio;
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
};

/// `video` and `audio` are the source's streams to use, or null where it has none; `duration` is
/// the source's.
Plan make_plan(const std::vector<OutputSpec>& outputs, const VideoFacts* video,
               const AVStream* video_stream, const AudioFacts* audio, Millis duration, int threads);

}  // namespace telecine::media
