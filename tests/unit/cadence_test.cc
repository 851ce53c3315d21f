#include "media/cadence.h"

#include <gtest/gtest.h>

#include <vector>

namespace telecine::media {
namespace {

/// What the fields of telecined film change by, when each picture of film is at `film[i]` and
/// changes are distances. The cycle begins with picture 0.
std::vector<FieldChange> telecined(const std::vector<double>& film, bool top_first) {
  constexpr int kFirst[] = {0, 1, 1, 2, 3};
  constexpr int kSecond[] = {0, 1, 2, 3, 3};
  std::vector<FieldChange> changes(1);
  std::optional<std::pair<double, double>> last;
  for (std::size_t at = 0; at + 3 < film.size(); at += 4) {
    for (std::size_t i = 0; i < 5; ++i) {
      const std::pair now{film[at + kFirst[i]], film[at + kSecond[i]]};
      FieldChange change;
      if (last) {
        const double first = std::abs(now.first - last->first);
        const double second = std::abs(now.second - last->second);
        change = {true, top_first ? first : second, top_first ? second : first};
      }
      changes.push_back(change);
      last = now;
    }
  }
  return changes;
}

std::vector<double> moving(std::size_t pictures) {
  std::vector<double> film;
  for (std::size_t i = 0; i < pictures; ++i)
    film.push_back(film.empty() ? 0 : film.back() + 2 + 0.5 * (i % 3));
  return film;
}

std::span<const FieldChange> from(const std::vector<FieldChange>& changes, std::size_t picture) {
  return std::span(changes).subspan(picture);
}

TEST(Cadence, IsFoundAtEveryPlaceOfTheCycleAndForBothOrders) {
  for (const bool top_first : {true, false}) {
    const auto changes = telecined(moving(24), top_first);
    for (std::size_t picture = 0; picture < 10; ++picture) {
      const auto found = find_cadence(from(changes, picture), static_cast<std::int64_t>(picture));
      ASSERT_TRUE(found) << picture;
      EXPECT_EQ(*found, (Cadence{0, top_first})) << picture;
    }
  }
}

TEST(Cadence, NamesThePlaces) {
  const Cadence cadence{3, true};
  EXPECT_EQ(cadence.place_of(3), PulldownPlace::kAA);
  EXPECT_EQ(cadence.place_of(5), PulldownPlace::kBC);
  EXPECT_EQ(cadence.place_of(12), PulldownPlace::kDD);
  EXPECT_EQ(cadence.place_of(0), PulldownPlace::kBC);
}

TEST(Cadence, IsNotFoundInVideoThatMovesWithEveryField) {
  std::vector<FieldChange> changes;
  for (int i = 0; i < 20; ++i) changes.push_back({true, 3.0 + 0.3 * (i % 4), 3.1 + 0.2 * (i % 3)});
  EXPECT_FALSE(find_cadence(changes, 0));
}

TEST(Cadence, IsNotFoundInPicturesThatStandStillOrOnlyMakeNoise) {
  EXPECT_FALSE(find_cadence(std::vector<FieldChange>(20, {true, 0, 0}), 0));
  std::vector<FieldChange> noise;
  for (int i = 0; i < 20; ++i) noise.push_back({true, 0.1 * (i % 3), 0.1 * (i % 2)});
  EXPECT_FALSE(find_cadence(noise, 0));
}

TEST(Cadence, IsNotFoundInVideoThatMovesNowAndThen) {
  for (int start = 0; start < 12; ++start) {
    std::vector<FieldChange> changes(30, {true, 0, 0});
    for (std::size_t at = static_cast<std::size_t>(start); at + 1 < changes.size(); at += 12) {
      changes[at].bottom = 1;
      changes[at + 1].top = 1;
    }
    EXPECT_FALSE(find_cadence(changes, 0)) << start;
  }
}

TEST(Cadence, IsFoundBesideACutThatChangesFarMore) {
  auto film = moving(40);
  for (double& each : film) each *= 0.2;
  for (std::size_t i = 9; i < film.size(); ++i) film[i] += 80;
  EXPECT_TRUE(find_cadence(from(telecined(film, true), 0), 0));
}

TEST(Cadence, GoesOnThroughStillPicturesAndScenesOfFilm) {
  auto film = moving(40);
  for (std::size_t i = 16; i < 28; ++i) film[i] = film[15];
  for (std::size_t i = 30; i < 40; ++i) film[i] += 60;  // another scene
  const auto changes = telecined(film, true);
  for (std::size_t picture = 0; picture + 10 < changes.size(); ++picture) {
    EXPECT_TRUE(goes_on({0, true}, from(changes, picture), static_cast<std::int64_t>(picture)))
        << picture;
  }
}

TEST(Cadence, IsFoundInDrawnFilmWhosePicturesAreShownTwice) {
  auto film = moving(40);
  for (std::size_t i = 1; i < film.size(); i += 2) film[i] = film[i - 1];
  const auto changes = telecined(film, true);
  const auto found = find_cadence(from(changes, 0), 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Cadence{0, true}));
}

TEST(Cadence, EndsWhereAnotherOneBegins) {
  auto changes = telecined(moving(24), true);
  // An edit of the video took two pictures out.
  const std::size_t cut = 13;
  changes.erase(changes.begin() + cut, changes.begin() + cut + 2);
  changes[cut] = {true, 20, 22};
  std::size_t last = 0;
  while (last < 20 && goes_on({0, true}, from(changes, last), static_cast<std::int64_t>(last)))
    ++last;
  EXPECT_NEAR(static_cast<double>(last), cut - 1, 7);
  const auto found = find_cadence(from(changes, cut), cut);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Cadence{3, true}));
}

TEST(Cadence, IsNotClaimedByVideoThatHasTheRightFieldsButNotTheRightPictures) {
  auto changes = telecined(moving(24), true);
  // What is B to C in one field is far more in the other: a cut between the fields of no film.
  for (std::size_t at = 4; at < changes.size(); at += 5) changes[at].top = 30;
  EXPECT_FALSE(find_cadence(from(changes, 0), 0));
}

}  // namespace
}  // namespace telecine::media
