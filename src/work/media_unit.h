#pragma once

#include "job/media_job.h"
#include "work/scratch.h"

namespace telecine {

/// A unit in hand whose work the media child does: what all such units have in common. One thread.
class MediaUnit {
 public:
  MediaUnit(const WorkContext& context, const Run& run)
      : context_(context), run_(run), scratch_(context, run.lease) {}

  /// Before all that follows.
  Status prepare() { return scratch_.prepare(); }

  /// A job with these outputs and the limits that all have.
  MediaJob job_for(std::vector<OutputSpec> outputs) const;
  /// The threads for one of so many segments of a source. They share the cores, so that none of
  /// them waits while an encoder begins or ends; encoders with few threads take less in all. As
  /// many run at once as slots and memory allow.
  int segment_threads(const MediaFacts& source, std::span<const OutputSpec> outputs,
                      int count) const;
  /// Files are made in the attempt's directory; the child reads the task's, and what earlier units
  /// left.
  RunHooks hooks();
  Result<media::Made> run(int input, const MediaJob& job, const RunHooks& hooks);

  /// Makes objects of an output's files.
  Status publish(std::vector<OutputFile>& files) { return scratch_.publish(files, run_.stop); }
  /// The same for what only later units of the task read.
  Status leave(std::vector<media::MadeOutput>& made);

 private:
  const WorkContext& context_;
  const Run& run_;
  Scratch scratch_;
};

/// Waits for what the work needs, as long as the unit is in hand. Gives back what `share` was.
Status enter(const WorkContext& context, const Run& run, Needs needs, Admission::Share& share);

}  // namespace telecine
