#include <gtest/gtest.h>

#include "base/json.h"
#include "media/analyse_shots.h"
#include "task/analysis.h"
#include "work/report.h"

namespace telecine {
namespace {

std::vector<media::ShotCut> cuts_in(const std::vector<media::Change>& changes,
                                    double threshold = 10) {
  media::CutFinder finder(threshold);
  for (const media::Change& change : changes) finder.add(change);
  finder.finish();
  return finder.cuts();
}

/// 25 pictures a second, all of one difference.
std::vector<media::Change> steady(double difference, int pictures) {
  std::vector<media::Change> out;
  for (int i = 0; i < pictures; ++i) out.push_back({i * 40, 0, difference});
  return out;
}

TEST(Shots, AStrongChangeIsACutWhateverIsAround) {
  auto changes = steady(8, 100);
  changes[50] = {2000, 11, 20};
  EXPECT_EQ(cuts_in(changes), (std::vector<media::ShotCut>{{2000, 11}}));
}

TEST(Shots, AWeakChangeIsACutOnlyWhereLittleMoves) {
  auto still = steady(0.1, 100);
  still[50] = {2000, 3.6, 3.6};
  EXPECT_EQ(cuts_in(still).size(), 1U);
  auto moving = steady(2.4, 100);
  moving[50] = {2000, 5.8, 8.2};
  EXPECT_TRUE(cuts_in(moving).empty());
  auto weaker = steady(0.1, 100);
  weaker[50] = {2000, 2.9, 2.9};
  EXPECT_TRUE(cuts_in(weaker).empty());
}

TEST(Shots, ThePictureAfterTheCutDoesNotCountAsItsSurroundings) {
  auto changes = steady(0, 3);
  changes[1] = {40, 4, 4};
  changes[2] = {80, 0, 50};
  EXPECT_EQ(cuts_in(changes).size(), 1U);
}

TEST(Shots, OnlyASecondAroundCounts) {
  auto changes = steady(0.1, 200);
  for (int i = 0; i < 60; ++i) changes[static_cast<std::size_t>(i)].difference = 30;
  changes[100] = {4000, 4, 4};
  EXPECT_EQ(cuts_in(changes), (std::vector<media::ShotCut>{{4000, 4}}));
}

TEST(Shots, FlashesBecomePartOfTheNextShot) {
  const std::vector<media::ShotCut> cuts = {{1000, 12}, {1120, 13}, {3000, 14}};
  const auto shots = media::shots_from(cuts, {}, 40, 5000);
  ASSERT_EQ(shots.size(), 3U);
  EXPECT_EQ(shots[1], (Shot{{1000, 3000}, 12}));
  EXPECT_EQ(shots[2], (Shot{{3000, 5000}, 14}));
  EXPECT_FALSE(shots[0].score);
}

TEST(Shots, TheFirstPictureAloneStaysAShot) {
  const std::vector<media::ShotCut> cuts = {{40, 20}};
  EXPECT_EQ(media::shots_from(cuts, {}, 40, 1000).size(), 2U);
  EXPECT_EQ(media::shots_from(cuts, {}, 20, 1000).size(), 1U);
}

TEST(Shots, BlackEndsAShot) {
  const std::vector<TimeSpan> black = {{1000, 1600}, {3000, 3400}, {4500, 5000}};
  const auto shots = media::shots_from({}, black, 40, 5000);
  ASSERT_EQ(shots.size(), 2U);
  EXPECT_EQ(shots[0].span, (TimeSpan{0, 1600}));
  EXPECT_EQ(shots[1].span, (TimeSpan{1600, 5000}));
}

Error options_problem(std::string_view text) {
  auto options = analysis_options_from(*parse_json(text), "options");
  EXPECT_FALSE(options) << text;
  return options ? Error{} : options.error();
}

TEST(AnalysisOptions, UnknownNamesAreRefusedWhereTheyStand) {
  EXPECT_EQ(options_problem(R"({"profil":"fast"})").field, "options.profil");
  EXPECT_EQ(options_problem(R"({"black":{"duration":1}})").field, "options.black.duration");
  EXPECT_EQ(options_problem(R"({"analyses":["shots","moods"]})").field, "options.analyses[1]");
  EXPECT_EQ(options_problem(R"({"analyses":["shots","shots"]})").field, "options.analyses[1]");
  EXPECT_EQ(options_problem(R"({"profile":"slow"})").field, "options.profile");
  EXPECT_EQ(options_problem(R"({"text":{"languages":["../x"]}})").field, "options.text.languages");
}

TEST(AnalysisOptions, ListedAnalysesGoBeforeTheProfile) {
  const auto standard = analysis_options_from(json::object(), "");
  ASSERT_TRUE(standard);
  EXPECT_TRUE(standard->wants(Analysis::kText));
  EXPECT_FALSE(standard->wants(Analysis::kPeople));
  const auto fast = analysis_options_from(*parse_json(R"({"profile":"fast"})"), "");
  EXPECT_FALSE(fast->wants(Analysis::kText));
  EXPECT_TRUE(fast->wants(Analysis::kQuality));
  const auto only =
      analysis_options_from(*parse_json(R"({"profile":"full","analyses":["black"]})"), "");
  EXPECT_TRUE(only->wants(Analysis::kBlack));
  EXPECT_FALSE(only->wants(Analysis::kShots));
}

TEST(AnalysisOptions, SurviveTheirOwnJsonForm) {
  const auto options = analysis_options_from(
      *parse_json(R"({"analyses":["freeze"],"freeze":{"noise_db":-50,"min_duration":1.5},)"
                  R"("silence":{"noise_db":-40,"min_duration":0.25},"max_samples":7})"),
      "");
  ASSERT_TRUE(options) << options.error().message;
  const auto again = analysis_options_from(to_json(*options), "");
  ASSERT_TRUE(again) << again.error().field;
  EXPECT_EQ(json::serialize(to_json(*again)), json::serialize(to_json(*options)));
  EXPECT_EQ(again->freeze_duration, 1500);
  EXPECT_EQ(again->silence_duration, 250);
}

TEST(ScanFacts, AreNamedByWhatNearlyAllPicturesAre) {
  EXPECT_EQ((ScanFacts{125, 0, 0, 0}).type(), "interlaced_tff");
  EXPECT_EQ((ScanFacts{0, 95, 5, 300}).type(), "interlaced_bff");
  EXPECT_EQ((ScanFacts{0, 0, 241, 47}).type(), "progressive");
  EXPECT_EQ((ScanFacts{50, 0, 50, 0}).type(), "mixed");
  EXPECT_EQ((ScanFacts{0, 0, 0, 9}).type(), "unknown");
}

AnalysisFacts some_facts() {
  AnalysisFacts facts;
  facts.runs = {{Analysis::kShots, AnalysisState::kDone, "", {}, 1900, 0},
                {Analysis::kBlack, AnalysisState::kSkipped, "not_requested", {}, 0, 0},
                {Analysis::kCrop, AnalysisState::kDone, "", {}, 3, 16},
                {Analysis::kSilence, AnalysisState::kFailed, "",
                 Error{ErrorCode::kDecodeFailed, "no sound could be decoded", ""}, 0, 0}};
  facts.shots = {{{0, 4000}, {}}, {{4000, 8000}, 3.587}};
  facts.crop = Box{0, 0.125, 1, 0.75};
  facts.warnings = {"audio stream 2 was not analysed"};
  return facts;
}

TEST(AnalysisFacts, SurviveTheirOwnJsonForm) {
  const json::object stored = to_json(some_facts());
  EXPECT_EQ(json::serialize(to_json(analysis_facts_from(stored))), json::serialize(stored));
}

TEST(AnalysisFacts, ABrokenFormIsReadWithoutHarm) {
  for (const char* text : {"null", "[]",
                           R"({"shots":[1,[2],["a","b","c"]],"crop":[1,"x",{},[]],)"
                           R"("scan":["a",1.5,2,3],"warnings":[1],"runs":[7]})"}) {
    EXPECT_NO_THROW(analysis_facts_from(*parse_json(text))) << text;
  }
}

TEST(Report, ListsWhatRanAndSaysWhyTheRestDidNot) {
  Task task;
  task.id = {400'000, 0};
  const json::object document =
      report_document(task, {}, some_facts(), {"1.0.0", "5.1.9"}, 1'767'607'231'000);
  EXPECT_EQ(document.at("created").as_string(), "2026-01-05T10:00:31Z");
  EXPECT_EQ(document.at("task_number").as_int64(), 400'000);
  EXPECT_FALSE(document.contains("black"));
  EXPECT_FALSE(document.contains("silence"));
  EXPECT_EQ(json::serialize(document.at("analyses").at(1)),
            R"({"name":"black","status":"skipped","reason":"not_requested"})");
  EXPECT_EQ(document.at("crop").at("bars").as_string(), "letterbox");
  const std::string text = readable_json(document);
  EXPECT_NE(text.find(R"({"index": 1, "start": 4.0, "end": 8.0, "score": 3.59})"),
            std::string::npos)
      << text;
  EXPECT_TRUE(parse_json(text));
}

}  // namespace
}  // namespace telecine
