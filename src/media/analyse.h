#pragma once

#include "media/pipeline.h"
#include "task/analysis.h"

namespace telecine::media {

struct Analysed {
  MediaFacts source;
  AnalysisFacts facts;
};

/// Decodes the input once, pictures and sound, for every analysis wanted. An analysis that fails
/// or that lacks what it needs fails or is skipped alone. The whole fails for inputs that are no
/// media, that the observer refuses, and when every analysis that ran failed. One thread, the
/// caller's; the observer hears of one output.
/// `files` are only for what has to be unwrapped first.
Result<Analysed> analyse(int input_fd, const AnalysisOptions& options, OutputFiles& files,
                         Observer& observer);

}  // namespace telecine::media
