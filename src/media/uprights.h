#pragma once

#include <vector>

#include "media/branch.h"
#include "media/normalise.h"

namespace telecine::media {

/// Decoded pictures made upright and progressive, once for each way of deinterlacing that is asked
/// for, on their way to the branches. One thread.
class Uprights {
 public:
  /// Gets each picture of the first way.
  using Sink = std::function<Status(const AVFrame&)>;

  Uprights(Orientation orientation, Deinterlace first, Sink sink);
  void add(VideoBranch& branch);

  /// A picture as stored, timed in ticks.
  Status push(const FramePtr& frame);
  /// What was held back.
  Status finish();

 private:
  struct Way {
    Deinterlace deinterlace;
    Normaliser normaliser;
    std::vector<VideoBranch*> branches;
  };
  Status hand_out(Way& way, std::vector<FramePtr> frames);

  Orientation orientation_;
  Sink sink_;
  std::vector<Way> ways_;
};

}  // namespace telecine::media
