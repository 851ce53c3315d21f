#include "media/cadence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace telecine::media {
namespace {

// In percent of the range: the most that lossy coding alone changes between two equal fields.
constexpr double kNoise = 0.4;
// Below that nothing moves.
constexpr double kStill = 0.05;
// The most that a repeated field changes, by what the other field of its picture does.
constexpr double kRepeated = 0.4;
// The fields of one picture of film seldom change by more than this against each other.
constexpr double kAlike = 2.5;
// A new cadence shows in two cycles without anything against it.
constexpr std::size_t kFirstLook = 10;
// Repeated fields that are enough to say something.
constexpr int kEnough = 3;
// The lean of pictures in which none is repeated, at the most.
constexpr double kFlat = 0.2;

struct Fields {
  double first = 0;  // changes: of the field that is shown first
  double second = 0;
};

Fields in_order(const FieldChange& change, const Cadence& cadence) {
  return cadence.top_first ? Fields{change.top, change.bottom} : Fields{change.bottom, change.top};
}

/// -1 to 1: which of the two fields changes more.
double lean(const Fields& fields) {
  constexpr double kFloor = 0.1;
  return (fields.first - fields.second) / (fields.first + fields.second + kFloor);
}

bool is_alike(double one, double other, double noise) {
  return std::max(one, other) <= kAlike * std::min(one, other) + noise;
}

bool may_repeat(double repeated, double other, double noise) {
  return repeated <= kRepeated * other + noise;
}

/// What coding changes between equal fields, as far as the calmest fields tell.
double noise_in(std::span<const FieldChange> changes) {
  constexpr double kLeast = 0.02;
  constexpr double kAbove = 5;
  std::vector<double> values;
  for (const FieldChange& change : changes) {
    if (change.known) values.insert(values.end(), {change.top, change.bottom});
  }
  if (values.empty()) return kNoise;
  const auto calm = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 3 / 20);
  std::ranges::nth_element(values, calm);
  return std::min(kNoise, kLeast + kAbove * *calm);
}

/// Whether the picture at `at` of `changes` may be the one at this place of the cycle.
bool fits_at(const Cadence& cadence, PulldownPlace place, std::span<const FieldChange> changes,
             std::size_t at, double noise) {
  if (!changes[at].known) return true;
  const auto [first, second] = in_order(changes[at], cadence);
  switch (place) {
    case PulldownPlace::kBC:
      return may_repeat(first, second, noise);
    case PulldownPlace::kDD:
      return may_repeat(second, first, noise);
    case PulldownPlace::kCD: {
      // B to C was seen in the second fields before, C to D will be in the first ones.
      const FieldChange& before = changes[at - 1];
      const bool from_b = !before.known || is_alike(first, in_order(before, cadence).second, noise);
      const bool to_d = at + 1 >= changes.size() || !changes[at + 1].known ||
                        is_alike(second, in_order(changes[at + 1], cadence).first, noise);
      return from_b && to_d;
    }
    default:
      return is_alike(first, second, noise);
  }
}

PulldownPlace place_at(const Cadence& cadence, std::int64_t number, std::size_t at) {
  return cadence.place_of(number + static_cast<std::int64_t>(at) - 1);
}

bool fits(const Cadence& cadence, std::span<const FieldChange> changes, std::int64_t number,
          std::size_t ahead) {
  const double noise = noise_in(changes);
  for (std::size_t at = 1; at < changes.size() && at <= ahead; ++at) {
    if (!fits_at(cadence, place_at(cadence, number, at), changes, at, noise)) return false;
  }
  return true;
}

/// Lossy coding hides single repeated fields; over several cycles they show.
struct Evidence {
  int events = 0;        // places where a field is to be repeated
  int right = 0;         // that lean to the side they should
  double repeats = 0;    // mean lean to that side
  double elsewhere = 0;  // deviation of the lean where none is repeated
  double usual = 0;      // and its mean
  double change = 0;     // mean, in percent
  std::size_t looked_at = 0;
  std::size_t told = 0;  // of these: pictures that changed enough to say something

  bool is_still() const { return change < kStill; }
  bool shows() const {
    // What moves now and then can do so in the places of a cadence by chance.
    const bool tells_enough = events >= kEnough && 5 * told >= 2 * looked_at;
    const bool fits_elsewhere = elsewhere <= kFlat && std::abs(usual) <= kFlat;
    return !is_still() && tells_enough && fits_elsewhere && 4 * right >= 3 * events &&
           repeats >= 0.05 + 2 * elsewhere;
  }
  bool is_likely() const { return events < kEnough || repeats >= 0.01 + 0.7 * elsewhere; }
};

constexpr double kMostMoved = 5;  // percent
double mean_change(std::span<const FieldChange> changes, std::size_t ahead) {
  double sum = 0;
  int known = 0;
  for (std::size_t at = 1; at < changes.size() && at <= ahead; ++at) {
    if (!changes[at].known) continue;
    // A cut says nothing about how much the rest moves.
    sum += std::min(kMostMoved, (changes[at].top + changes[at].bottom) / 2);
    ++known;
  }
  return known > 0 ? sum / known : 0;
}

/// Of the pictures that say something, how they lean at each place.
struct Leans {
  std::vector<double> first_repeated;
  std::vector<double> second_repeated;
  std::vector<double> none_repeated;
  std::size_t looked_at = 0;
};

/// Only of pictures that change by `least`: in drawn film every picture is shown twice or more.
Leans leans_of(const Cadence& cadence, std::span<const FieldChange> changes, std::int64_t number,
               std::size_t ahead, double least) {
  Leans leans;
  for (std::size_t at = 1; at < changes.size() && at <= ahead; ++at) {
    const Fields fields = in_order(changes[at], cadence);
    const PulldownPlace place = place_at(cadence, number, at);
    // C D is between three pictures of film and may lean to any side.
    if (!changes[at].known || place == PulldownPlace::kCD) continue;
    ++leans.looked_at;
    if ((fields.first + fields.second) / 2 < least) continue;
    if (place == PulldownPlace::kBC) leans.first_repeated.push_back(lean(fields));
    if (place == PulldownPlace::kDD) leans.second_repeated.push_back(lean(fields));
    if (place < PulldownPlace::kBC) leans.none_repeated.push_back(lean(fields));
  }
  return leans;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Evidence evidence_of(const Cadence& cadence, std::span<const FieldChange> changes,
                     std::int64_t number, std::size_t ahead) {
  constexpr double kLeast = 0.03;
  constexpr double kTelling = 0.25;  // of the mean change
  Evidence found;
  found.change = mean_change(changes, ahead);
  const Leans leans = leans_of(cadence, changes, number, ahead, kTelling * found.change);
  found.looked_at = leans.looked_at;
  found.told =
      leans.none_repeated.size() + leans.first_repeated.size() + leans.second_repeated.size();
  if (leans.none_repeated.empty()) return found;
  const double usual = found.usual = mean_of(leans.none_repeated);
  const auto count = [&](double to_its_side) {
    ++found.events;
    found.right += to_its_side > kLeast ? 1 : 0;
    found.repeats += to_its_side;
  };
  for (const double each : leans.first_repeated) count(usual - each);
  for (const double each : leans.second_repeated) count(each - usual);
  if (found.events > 0) found.repeats /= found.events;
  double squares = 0;
  for (const double each : leans.none_repeated) squares += (each - usual) * (each - usual);
  found.elsewhere = std::sqrt(squares / static_cast<double>(leans.none_repeated.size()));
  return found;
}

}  // namespace

PulldownPlace Cadence::place_of(std::int64_t number) const {
  using enum PulldownPlace;
  constexpr std::array kPlaces{kAA, kBB, kBC, kCD, kDD};
  return kPlaces[static_cast<std::size_t>(number + 5 - phase) % kPlaces.size()];
}

std::optional<Cadence> find_cadence(std::span<const FieldChange> changes, std::int64_t number) {
  for (int phase = 0; phase < 5; ++phase) {
    for (const bool top_first : {true, false}) {
      const Cadence cadence{phase, top_first};
      if (evidence_of(cadence, changes, number, kCadenceAhead).shows() &&
          fits(cadence, changes, number, kFirstLook)) {
        return cadence;
      }
    }
  }
  return {};
}

bool goes_on(const Cadence& cadence, std::span<const FieldChange> changes, std::int64_t number) {
  const Evidence evidence = evidence_of(cadence, changes, number, kCadenceAhead);
  const bool is_still = std::max(changes[1].top, changes[1].bottom) < kStill;
  if (evidence.is_still() && is_still) return true;
  // As far as the pictures reach that it shares one of film with.
  const PulldownPlace place = cadence.place_of(number);
  const std::size_t ahead = place == PulldownPlace::kBC ? 3 : place == PulldownPlace::kCD ? 2 : 1;
  if (!fits(cadence, changes, number, ahead)) return evidence.shows();
  // What comes after an edit says nothing about what is before it.
  return evidence.is_likely() || evidence_of(cadence, changes, number, kFirstLook).shows();
}

}  // namespace telecine::media
