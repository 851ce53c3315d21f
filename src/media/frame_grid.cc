#include "media/frame_grid.h"

#include <algorithm>

namespace telecine::media {
namespace {

// Of a place's length: a picture that comes so little after its place stands there all the same,
// as containers round times.
constexpr int kSlackShare = 10;
// A picture is repeated for no longer: more is a jump of the clock.
constexpr Ticks kLongestHold = 600LL * kTicksPerSecond;

}  // namespace

Ticks FrameGrid::place(std::int64_t index) const {
  return av_rescale(index, static_cast<std::int64_t>(kTicksPerSecond) * rate_.den, rate_.num);
}

std::optional<FrameGrid::Shown> FrameGrid::settle(Ticks until) {
  if (!held_) return std::nullopt;
  Shown shown;
  shown.length = place(1);
  const Ticks slack = shown.length / kSlackShare;
  const Ticks last = std::min(until, place(next_) + kLongestHold);
  while (place(next_) < last - slack) shown.places.push_back(place(next_++));
  if (last < until) {
    next_ = av_rescale_rnd(until - slack, rate_.num,
                           static_cast<std::int64_t>(kTicksPerSecond) * rate_.den, AV_ROUND_UP);
  }
  shown.frame = std::move(held_);
  return shown;
}

std::optional<FrameGrid::Shown> FrameGrid::take(FramePtr frame) {
  if (!begun_) {
    begun_ = true;
    next_ = av_rescale_rnd(frame->pts + place(1) / kSlackShare, rate_.num,
                           static_cast<std::int64_t>(kTicksPerSecond) * rate_.den, AV_ROUND_DOWN);
    first_ = next_;
  }
  auto before = settle(frame->pts);
  held_ = std::move(frame);
  return before;
}

std::optional<FrameGrid::Shown> FrameGrid::finish(Ticks end) {
  // A source's only picture has a place, however short it is.
  return settle(next_ == first_ ? std::max(end, place(next_ + 1)) : end);
}

}  // namespace telecine::media
