#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace telecine::media {

// 3:2 pulldown shows four pictures of film, A to D, as ten fields of video. By pictures of video,
// the field that is shown first in front: A A, B B, B C, C D, D D.

/// How far the fields of a picture are from the same fields of the picture before it: the mean
/// difference of luma, in percent of its range.
struct FieldChange {
  bool known = false;  ///< or nothing can be told by it
  double top = 0;
  double bottom = 0;
};

/// A place in the cycle, named by the pictures of film its fields are of.
enum class PulldownPlace : std::uint8_t { kAA, kBB, kBC, kCD, kDD };

/// How a stream's pictures were made from film.
struct Cadence {
  int phase = 0;  ///< 0 to 4: of the pictures' numbers modulo 5 the one of A A
  bool top_first = true;

  PulldownPlace place_of(std::int64_t number) const;
  bool operator==(const Cadence&) const = default;
};

/// Pictures from its own on that are looked at: five cycles. Fewer are enough near the end.
inline constexpr std::size_t kCadenceAhead = 25;

/// The cadence that the pictures from `number` on are in. `changes` begins with that of the picture
/// before.
std::optional<Cadence> find_cadence(std::span<const FieldChange> changes, std::int64_t number);

/// Whether a cadence goes on with the picture `number`. Still pictures fit any.
bool goes_on(const Cadence& cadence, std::span<const FieldChange> changes, std::int64_t number);

}  // namespace telecine::media
