#pragma once

#include "media/av.h"
#include "task/picture.h"

namespace telecine::media {

/// A part of a picture, in shares of its sides.
struct Window {
  double x = 0;
  double y = 0;
  double width = 1;
  double height = 1;
  bool is_whole() const { return *this == Window{}; }
  bool operator==(const Window&) const = default;
};

/// What upright pictures go through on their way to a size: `window` is scaled to `scaled`, turned
/// and flipped to `inner`, and put in the middle of `size`.
struct Treatment {
  Window window;
  Dimensions scaled;
  int rotate = 0;  ///< degrees clockwise
  Flip flip = Flip::kNone;
  Dimensions inner;
  Dimensions size;
  Rgb background = 0;

  bool turns() const { return rotate != 0 || flip != Flip::kNone; }
  bool pads() const { return inner != size; }
  bool operator==(const Treatment&) const = default;
};

/// `source` is the size a viewer sees. kInvalidParameter for a crop that is not in it.
Result<Treatment> treatment_of(const PictureSize& size, const Framing& framing, Dimensions source);

/// libavfilter's filters that turn and flip; empty for none.
std::string turning_filters(const Treatment& treatment);

/// The part of a picture, as another reference to the same data. Its edges lie on whole samples of
/// the picture's format.
Result<FramePtr> part_of_picture(const AVFrame& frame, const Window& window);

/// Puts pictures of the inner size on a plain ground. One thread.
class Ground {
 public:
  explicit Ground(const Treatment& treatment) : treatment_(treatment) {}
  /// Passes what needs no ground.
  Result<FramePtr> lay(FramePtr frame);

 private:
  Result<FramePtr> plain(const AVFrame& like) const;

  Treatment treatment_;
  FramePtr ground_;
};

}  // namespace telecine::media
