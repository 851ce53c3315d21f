#pragma once

#include <optional>
#include <vector>

#include "media/clock.h"

namespace telecine::media {

/// Brings pictures to one exact rate: at every place of a grid that starts at 0 stands the picture
/// shown then; the first one also at the place before it. One thread.
class FrameGrid {
 public:
  explicit FrameGrid(AVRational rate) : rate_(rate) {}

  /// A picture that is now known to be shown at some places of the grid; none: it is left out.
  struct Shown {
    FramePtr frame;
    std::vector<Ticks> places;
    Ticks length = 0;  ///< of one place
  };
  /// The picture before this one.
  std::optional<Shown> take(FramePtr frame);
  /// The last one, shown until `end`.
  std::optional<Shown> finish(Ticks end);

 private:
  Ticks place(std::int64_t index) const;
  std::optional<Shown> settle(Ticks until);

  AVRational rate_;
  FramePtr held_;
  bool begun_ = false;
  std::int64_t first_ = 0;  // numbers of places
  std::int64_t next_ = 0;
};

}  // namespace telecine::media
