#pragma once

#include <cstdint>
#include <vector>

#include "media/clock.h"
#include "task/output.h"

namespace telecine::media {

inline constexpr Ticks kForever = INT64_MAX;

/// A part of the source in its own time, from the start of the file; an end of 0 is its end.
struct Part {
  Millis start = 0;
  Millis end = 0;
  bool is_whole() const { return start == 0 && end == 0; }
  bool operator==(const Part&) const = default;
};

/// The part of a source of this length that an output means. kUnsupported when it holds nothing.
Result<Part> part_of(const OutputSpec& spec, Millis duration);

/// A part on the pipeline's clock.
struct Span {
  Ticks start = 0;
  Ticks end = kForever;
  bool is_whole() const { return start == 0 && end == kForever; }
};

/// Whether a picture shown from `at` for `shown` belongs to what is before the span, or behind it:
/// one at its edge belongs to the side that holds its middle; one that is shown for long, a slide,
/// to both.
bool is_before(const Span& span, Ticks at, Ticks shown);
bool is_behind(const Span& span, Ticks at, Ticks shown);

/// Cuts pictures to a span, whose start becomes 0. The first one is shown from 0 on.
/// One thread.
class PictureCut {
 public:
  explicit PictureCut(Span span) : span_(span) {}

  /// What is in the span, in order. `frame` has `pts` and `pkt_duration` in ticks.
  std::vector<FramePtr> take(FramePtr frame);
  /// A span without a picture gets the one before.
  std::vector<FramePtr> finish();
  /// How far the pictures seen so far reach on the output's clock, at most to the span's end.
  Ticks reached() const;

 private:
  Span span_;
  FramePtr before_;  // the last picture that ended before the span
  bool begun_ = false;
  Ticks seen_ = 0;
};

/// The samples of `frame`, whose first one is at `at`, that are in the span; null when none is.
/// `at` becomes their place on the output's clock.
Result<FramePtr> cut_sound(const AVFrame& frame, const Span& span, Ticks& at);

}  // namespace telecine::media
