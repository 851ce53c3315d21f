#pragma once

#include <optional>

#include "job/drawn.h"
#include "job/job.h"

namespace telecine {

struct ChildLimits {
  std::int64_t memory = 0;       ///< bytes of address space; 0: none
  std::int64_t cpu_seconds = 0;  ///< 0: none
  std::int64_t file_bytes = 0;   ///< largest file; 0: none
};

/// What a child is asked to do with its input.
struct MediaJob {
  bool probe_only = false;
  std::optional<AnalysisOptions> analysis;  ///< analyse it, and make nothing
  // What is drawn instead, the input not being read:
  std::optional<media::AnimaticOptions> animatic;  ///< as the one output "video"
  std::optional<media::SynthOptions> sample;       ///< as the one file kSampleName
  media::Job job;                                  ///< outputs and threads of any other job
  ChildLimits limits;

  static constexpr auto kSampleName = "sample.mp4";
};

json::object to_json(const MediaJob& job);
MediaJob media_job_from(const json::value& value);

}  // namespace telecine
