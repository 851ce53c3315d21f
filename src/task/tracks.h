#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace telecine {

/// Which of the source's tracks of one kind are taken, in which order.
struct TrackChoice {
  enum class Kind : std::uint8_t {
    kNone,
    kMain,    ///< the default track, else the first
    kAll,     ///< in the source's order
    kListed,  ///< those named, in that order: by place, or by language
  };
  Kind kind = Kind::kMain;
  std::vector<int> places;             ///< among the tracks of this kind, from 0
  std::vector<std::string> languages;  ///< "en", "eng", "pt-br"

  bool operator==(const TrackChoice&) const = default;
  /// Whether it can mean more than one track.
  bool may_be_several() const;
};

/// The word, or the list, that a request has.
boost::json::value to_json(const TrackChoice& choice);
/// The field `key`: "first", "all", false, or a list of places or of languages.
std::optional<TrackChoice> read_tracks(ObjectReader& in, std::string_view key);

/// What a choice needs to know of a track.
struct TrackTraits {
  std::string language;
  bool is_default = false;
};
/// The places of the chosen ones among `tracks`. Of several tracks in one language it is the
/// default, else the first. kUnsupported when a listed place is not there, or when no track is in
/// any of the languages; a choice of all of none is none.
Result<std::vector<std::size_t>> chosen(const TrackChoice& choice,
                                        const std::vector<TrackTraits>& tracks,
                                        const std::string& what);

}  // namespace telecine
