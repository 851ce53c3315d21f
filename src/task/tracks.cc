#include "task/tracks.h"

#include <algorithm>

#include "task/languages.h"

namespace telecine {
namespace {

constexpr std::size_t kMostListed = 32;
constexpr int kMostTracks = 1000;

bool is_language(std::string_view text) {
  constexpr auto kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  return text.size() >= 2 && text.size() <= 35 &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool read_listed(const json::array& list, TrackChoice& choice) {
  for (const auto& item : list) {
    if (item.is_int64() && item.get_int64() >= 0 && item.get_int64() < kMostTracks) {
      choice.places.push_back(static_cast<int>(item.get_int64()));
    } else if (item.is_string() && is_language(item.get_string())) {
      choice.languages.emplace_back(item.get_string());
    } else {
      return false;
    }
  }
  return choice.places.empty() != choice.languages.empty();
}

std::size_t main_of(const std::vector<TrackTraits>& tracks) {
  const auto found = std::ranges::find(tracks, true, &TrackTraits::is_default);
  return found == tracks.end() ? 0 : static_cast<std::size_t>(found - tracks.begin());
}

std::optional<std::size_t> in_language(const std::vector<TrackTraits>& tracks,
                                       const std::string& wanted) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (!speaks(tracks[i].language, wanted)) continue;
    if (!found || (tracks[i].is_default && !tracks[*found].is_default)) found = i;
  }
  return found;
}

void add_new(std::vector<std::size_t>& list, std::size_t place) {
  if (std::ranges::find(list, place) == list.end()) list.push_back(place);
}

}  // namespace

bool TrackChoice::may_be_several() const {
  return kind == Kind::kAll || (kind == Kind::kListed && places.size() + languages.size() > 1);
}

json::value to_json(const TrackChoice& choice) {
  switch (choice.kind) {
    case TrackChoice::Kind::kNone:
      return false;
    case TrackChoice::Kind::kMain:
      return "first";
    case TrackChoice::Kind::kAll:
      return "all";
    case TrackChoice::Kind::kListed:
      break;
  }
  json::array list;
  for (const int place : choice.places) list.emplace_back(place);
  for (const auto& language : choice.languages) list.emplace_back(language);
  return list;
}

std::optional<TrackChoice> read_tracks(ObjectReader& in, std::string_view key) {
  const auto* value = in.any(key);
  if (value == nullptr) return std::nullopt;
  TrackChoice choice;
  choice.kind = TrackChoice::Kind::kListed;
  const bool is_list = value->is_array() && value->get_array().size() <= kMostListed;
  if (is_list && read_listed(value->get_array(), choice)) return choice;
  choice = {};
  if (value->is_string() && value->get_string() == "first") return choice;
  choice.kind = TrackChoice::Kind::kAll;
  if (value->is_string() && value->get_string() == "all") return choice;
  choice.kind = TrackChoice::Kind::kNone;
  if (value->is_bool() && !value->get_bool()) return choice;
  in.refuse(key,
            "must be \"first\", \"all\", false, or a list of 1 to 32 places ([0, 2]) or languages "
            "([\"en\", \"de\"])");
  return std::nullopt;
}

Result<std::vector<std::size_t>> chosen(const TrackChoice& choice,
                                        const std::vector<TrackTraits>& tracks,
                                        const std::string& what) {
  std::vector<std::size_t> out;
  if (choice.kind == TrackChoice::Kind::kMain && !tracks.empty()) out.push_back(main_of(tracks));
  if (choice.kind == TrackChoice::Kind::kAll) {
    for (std::size_t i = 0; i < tracks.size(); ++i) out.push_back(i);
  }
  for (const int place : choice.places) {
    if (static_cast<std::size_t>(place) >= tracks.size()) {
      return fail(ErrorCode::kUnsupported, "the source has no " + what + " track " +
                                               std::to_string(place) + ": it has " +
                                               std::to_string(tracks.size()));
    }
    add_new(out, static_cast<std::size_t>(place));
  }
  for (const auto& language : choice.languages) {
    if (const auto found = in_language(tracks, language)) add_new(out, *found);
  }
  if (!choice.languages.empty() && out.empty()) {
    return fail(ErrorCode::kUnsupported,
                "no " + what + " track of the source is in any of the languages asked for");
  }
  return out;
}

}  // namespace telecine
