#include "media/analyse_shots.h"

#include <algorithm>

namespace telecine::media {
namespace {

constexpr Millis kNear = 1000;
/// Below this, even a change in a still scene (a new line on a slide) is no cut.
constexpr double kLeastScore = 3;
constexpr double kStandsOut = 4;
/// A scene without any motion has some noise.
constexpr double kLeastMotion = 0.25;
constexpr Millis kFlash = 200;
/// A black stretch of this length separates two shots, however softly it begins and ends.
constexpr Millis kSeparates = 500;
/// Far more than is ever reported: flashes are merged afterwards.
constexpr std::size_t kMostCuts = 100'000;

}  // namespace

void CutFinder::add(const Change& change) {
  around_.push_back(change);
  decide(change.at, false);
}

void CutFinder::finish() {
  decide(0, true);
}

void CutFinder::decide(Millis now, bool all) {
  while (next_ < around_.size() && (all || around_[next_].at + kNear < now)) {
    if (is_cut(next_) && cuts_.size() < kMostCuts) {
      cuts_.push_back({around_[next_].at, around_[next_].score});
    }
    ++next_;
    while (next_ < around_.size() && around_.front().at + kNear < around_[next_].at) {
      around_.pop_front();
      --next_;
    }
  }
}

bool CutFinder::is_cut(std::size_t index) const {
  const Change& change = around_[index];
  if (change.score >= threshold_) return true;
  if (change.score < kLeastScore) return false;
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < around_.size(); ++i) {
    // The next picture differs much from this one in some clips (interlaced, blended) by the cut.
    if (i == index || i == index + 1) continue;
    if (std::abs(around_[i].at - change.at) > kNear) continue;
    sum += around_[i].difference;
    ++count;
  }
  const double mean = count == 0 ? 0 : sum / count;
  return change.score >= kStandsOut * std::max(kLeastMotion, mean);
}

std::vector<Shot> shots_from(std::span<const ShotCut> cuts, std::span<const TimeSpan> black,
                             std::optional<Millis> second, Millis end) {
  std::vector<Shot> begins{{{0, 0}, {}}};
  for (const ShotCut& cut : cuts) begins.push_back({{cut.at, 0}, cut.score});
  for (const TimeSpan& stretch : black) {
    if (stretch.end - stretch.start >= kSeparates) begins.push_back({{stretch.end, 0}, {}});
  }
  // Of a cut and a black end at one moment the cut counts: it has a score.
  std::ranges::stable_sort(begins, [](const Shot& a, const Shot& b) {
    return a.span.start != b.span.start ? a.span.start < b.span.start
                                        : a.score.has_value() && !b.score.has_value();
  });
  std::vector<Shot> shots;
  for (const Shot& shot : begins) {
    if (shot.span.start >= end && !shots.empty()) break;
    const bool after_first_picture = shots.size() == 1 && second == shot.span.start;
    const bool is_new = shots.empty() || shot.span.start - shots.back().span.start >= kFlash ||
                        (after_first_picture && shot.span.start > shots.back().span.start);
    if (is_new) shots.push_back(shot);
  }
  for (std::size_t i = 0; i < shots.size(); ++i) {
    shots[i].span.end = i + 1 < shots.size() ? shots[i + 1].span.start : end;
  }
  return shots;
}

}  // namespace telecine::media
