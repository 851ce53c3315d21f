#pragma once

#include <span>

#include "base/error.h"
#include "job/job.h"
#include "job/output_files.h"

namespace telecine::media {

inline constexpr Millis kProgressEvery = 200;

/// Hears of a run.
struct Observer {
  virtual ~Observer() = default;
  /// Once, before any work, from the calling thread. An error ends the run with that error.
  virtual Status on_source(const MediaFacts&) { return {}; }
  /// At least every 250 ms while working, from one thread that is not the calling one, and once
  /// more at the end from the calling one. `outputs_done` is 0...1 for each output in the job's
  /// order; `speed` is media seconds a wall second.
  virtual void on_progress(std::span<const double> outputs_done, double speed) {
    (void)outputs_done;
    (void)speed;
  }
};

/// Probes and decodes the input once and makes every output of the job. `input_fd` is an open
/// regular file; files are written only through `files`.
///
/// An output that can't be made fails alone. The run as a whole fails for inputs that are no media
/// (kNotMedia), too large (kResourceLimit), refused by the observer, or that can't be decoded to
/// the end (kDecodeFailed, saying how far it got). Files of a failed output or run are whatever
/// was written until then.
Result<Made> run(int input_fd, const Job& job, OutputFiles& files, Observer& observer);

/// Opens, uses and closes the codecs and scalers of a usual job once, so that children forked
/// later find their pages and tables ready. A few tens of ms.
void warm_up();

}  // namespace telecine::media
