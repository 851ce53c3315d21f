#pragma once

#include "job/job.h"
#include "job/output_files.h"
#include "media/clock.h"
#include "media/encoders.h"

namespace telecine::media {

/// Black pictures that go between others. One thread.
class BlackClips {
 public:
  /// Pictures of the longest clip, which is made once: for more, use several.
  static constexpr std::int64_t kMost = 250;

  /// `form` makes them like the others, which look like `like`.
  BlackClips(Job form, const VideoFacts& like, const ColourTags& colour, OutputFiles& files);

  /// How many pictures last so long at least; one at the least.
  std::int64_t pictures_in(Ticks length) const;
  /// A clip of so many; its descriptor is good until the next one.
  Result<int> clip(std::int64_t count);

 private:
  Result<Fd> make(std::int64_t count);
  Status draw(OutputFiles& files, std::int64_t count) const;

  Job form_;
  VideoSettings settings_;
  OutputFiles& files_;
  Fd longest_;
  Fd last_;
};

}  // namespace telecine::media
