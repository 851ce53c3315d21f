#pragma once

#include "media/av.h"

namespace telecine::media {

/// The best to look at of some pictures: rich in detail, sharp, neither dark nor washed out. One
/// thread.
class BestPicture {
 public:
  /// kUnsupported when a picture of this form cannot be judged.
  Status offer(const AVFrame& frame);
  bool any() const { return best_ != nullptr; }
  /// Null when none was offered.
  FramePtr take() { return std::move(best_); }

 private:
  FramePtr best_;
  double score_ = 0;
};

/// How good a picture is, comparable with others of the same source; more is better.
Result<double> looks_of(const AVFrame& frame);

}  // namespace telecine::media
