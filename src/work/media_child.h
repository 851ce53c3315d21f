#pragma once

#include "base/fs.h"
#include "media/animatic.h"
#include "media/pipeline.h"
#include "task/output.h"
#include "work/link.h"
#include "work/sandbox.h"

namespace telecine {

/// What a child is asked to do with its input.
struct MediaJob {
  bool probe_only = false;
  std::optional<AnalysisOptions> analysis;  ///< analyse it, and make nothing
  /// Draws this instead, as the one output "video"; the input is then not read.
  std::optional<media::AnimaticOptions> animatic;
  media::Job job;  ///< outputs and threads of any other job
  ChildLimits limits;
};

json::object to_json(const MediaJob& job);
MediaJob media_job_from(const json::value& value);

json::object to_json(const media::Made& made);
media::Made made_from(const json::value& value);

/// The child's whole life: receives its job, enters the sandbox, works, answers. Answers the
/// process's exit code.
int run_media_child(Fd link, Fd input, SandboxLayers layers);

}  // namespace telecine
