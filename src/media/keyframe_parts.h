#pragma once

#include "job/job.h"

namespace telecine::media {

/// `outputs` with the parts that are cut at keyframes (Cut::kKeyframe) begun where one is: the last
/// at or before the start asked for. Reads the index of the file, or where it has none the file up
/// to there.
Result<std::vector<OutputSpec>> on_keyframes(int fd, const MediaFacts& source,
                                             std::vector<OutputSpec> outputs);

}  // namespace telecine::media
