#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "task/analysis.h"

namespace telecine::media {

/// How much a picture differs from the one before, as scdet measures it: `difference` is the mean
/// of the differences of all pixels in percent, `score` is that or, if smaller, how much it grew.
struct Change {
  Millis at = 0;
  double score = 0;
  double difference = 0;
};

struct ShotCut {
  Millis at = 0;
  double score = 0;
  bool operator==(const ShotCut&) const = default;
};

/// Tells cuts from motion. A picture begins a shot when its score reaches the threshold, or when
/// it reaches 3 and four times what the pictures within a second around it differ on average.
/// Looks one second ahead and holds two. One thread.
class CutFinder {
 public:
  explicit CutFinder(double threshold) : threshold_(threshold) {}

  /// In the order of time.
  void add(const Change& change);
  /// The end; then all cuts, in order. At most `kMostCuts` are kept.
  void finish();
  const std::vector<ShotCut>& cuts() const { return cuts_; }

 private:
  bool is_cut(std::size_t index) const;
  void decide(Millis now, bool all);

  double threshold_;
  std::deque<Change> around_;
  std::size_t next_ = 0;  // of around_: the first that is not decided
  std::vector<ShotCut> cuts_;
};

/// Shots from cuts and black stretches. A shot of less than 0.2 s (a flash) becomes part of the
/// next one, unless it is the very first picture alone. `second` is the time of the second picture.
std::vector<Shot> shots_from(std::span<const ShotCut> cuts, std::span<const TimeSpan> black,
                             std::optional<Millis> second, Millis end);

}  // namespace telecine::media
