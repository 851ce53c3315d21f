#pragma once

#include "media/joined_file.h"
#include "media/pipeline.h"

namespace telecine::media {

/// Shows the progress of a stretch of the work as that of all of it. Never goes back.
class Stretch : public Observer {
 public:
  Stretch(Observer& observer, std::size_t outputs) : observer_(observer), shown_(outputs, 0.0) {}

  /// What comes is between these shares of the whole.
  void set(double from, double to) {
    from_ = from;
    to_ = to;
  }
  Status on_source(const MediaFacts& facts) override { return observer_.on_source(facts); }
  /// Of as many outputs as the whole has, or of one that stands for all.
  void on_progress(std::span<const double> done, double speed) override;

 private:
  Observer& observer_;
  std::vector<double> shown_;
  double from_ = 0;
  double to_ = 1;
};

struct Joined {
  Fd file;
  double share = 0;                ///< of the whole work that the joining was, about
  std::vector<std::string> notes;  ///< what of the pieces was left out, and why
  std::vector<PieceWork> work;     ///< not empty: all that is here; see Job::find_segments
};

/// A job's pieces, one after another, as one file. Streams that are alike in all pieces are copied,
/// parts of them as SmartClip cuts them; others are encoded to look and sound like the first that
/// has them: its size, with bars where shapes differ, 48 kHz, no more than two channels, with
/// little loss. Where only some pieces have sound, silence stands in for it in the others, and
/// black for pictures. The file is `kJoinedName`.
///
/// Errors name the piece ("inputs[2]"). The observer hears of progress, and of a source only as
/// Job::join_only says.
Result<Joined> join_pieces(int first, const Job& job, OutputFiles& files, Observer& observer);

}  // namespace telecine::media
