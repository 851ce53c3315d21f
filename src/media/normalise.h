#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/av.h"
#include "media/describe.h"
#include "media/filter_chain.h"
#include "media/pulldown.h"
#include "task/rendition.h"

namespace telecine::media {

/// Filter text that turns a stored picture upright; empty when it is.
std::string orientation_filters(const Orientation& orientation);

/// Makes pictures upright, progressive and opaque: lays transparent ones on black, applies the
/// stored orientation, gives telecined film back as it was, and deinterlaces the rest: with kAuto
/// from the first picture on that its decoder found interlaced, and only such. Pictures that need
/// none of it pass untouched. But for film, one picture out for each in, with its time; some are
/// held back. One thread.
class Normaliser {
 public:
  explicit Normaliser(Orientation orientation, Deinterlace wanted = Deinterlace::kAuto,
                      bool keeps_alpha = false)
      : orientation_(orientation), wanted_(wanted), keeps_alpha_(keeps_alpha) {}

  /// `frame->pts` and `pkt_duration` are in the pipeline's ticks.
  Result<std::vector<FramePtr>> push(FramePtr frame);
  /// What was held back.
  Result<std::vector<FramePtr>> finish();

 private:
  Status start();
  Status settle(FramePtr frame);

  Orientation orientation_;
  Deinterlace wanted_;
  const bool keeps_alpha_;
  Pulldown pulldown_;
  bool interlaced_ = false;
  bool deinterlaces_ = false;
  bool transparent_ = false;
  std::optional<FilterChain> chain_;
  /// What came out of it; it stays where it is when this moves.
  std::unique_ptr<std::vector<FramePtr>> ready_ = std::make_unique<std::vector<FramePtr>>();
};

}  // namespace telecine::media
