#include "work/segments.h"

#include <gtest/gtest.h>

#include "job/media_job.h"
#include "store_fixture.h"
#include "work/pieces.h"

namespace telecine {
namespace {

media::Made cut_at(const std::vector<std::int64_t>& cuts) {
  media::Made made;
  media::Segment next;
  for (const std::int64_t cut : cuts) {
    made.segments.push_back({next.from, cut});
    next.from = cut;
  }
  made.segments.push_back(next);
  made.found = {{{"one", 0, media::Reused::kPictures}, {"one", 1, 2}}, true, 12'000};
  return made;
}

/// Units side by side, and the one that waits for them.
class SegmentsTest : public StoreFixture {
 protected:
  /// A task whose first unit was cut: two segments and the package.
  TaskPtr begin() {
    Submission s;
    s.task.account = "a";
    s.task.outputs.resize(1);
    s.task.outputs[0].name = "one";
    s.units = {NewUnit{}};
    const TaskPtr task = submit(std::move(s));
    UnitOutcome cut;
    cut.next = segment_units({{"fetched", "there"}}, cut_at({100}), false);
    EXPECT_TRUE(commit(claim().at(0), cut));
    return task;
  }

  static UnitOutcome made(int index) {
    media::MadeOutput encode;
    encode.files.push_back({"0", "object:" + std::to_string(index), "", 1, ""});
    UnitOutcome outcome;
    outcome.part = segment_part(segment_name(index), {encode});
    return outcome;
  }
};

TEST_F(SegmentsTest, ThePackageWaitsForAllSegmentsAndGetsWhatTheyLeft) {
  begin();
  const auto segments = claim(5);
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[1].task->attempts, 3);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ((*commit(segments[1], made(1)))->state, TaskState::kRunning);
  EXPECT_TRUE(claim().empty());
  ASSERT_TRUE(commit(segments[0], made(0)));
  open();
  const auto package = claim(5);
  ASSERT_EQ(package.size(), 1U);
  EXPECT_EQ(package[0].kind, UnitKind::kPackage);
  EXPECT_EQ(package[0].payload.at("fetched").as_string(), "there");
  EXPECT_EQ(*left_object(package[0].parts, "segment/0/0"), "object:0");
  EXPECT_EQ(*left_object(package[0].parts, "segment/1/0"), "object:1");
  EXPECT_FALSE(left_object(package[0].parts, "segment/2/0"));
  EXPECT_FALSE(left_object(package[0].parts, "segment/1/1"));
  UnitOutcome joined;
  joined.outputs = package[0].task->outputs;
  joined.outputs[0].state = OutputState::kSucceeded;
  EXPECT_EQ((*commit(package[0], joined))->state, TaskState::kSucceeded);
  EXPECT_TRUE(claim(5).empty());
}

TEST_F(SegmentsTest, AFailedAttemptKeepsThePackageWaiting) {
  begin();
  const auto segments = claim(2);
  ASSERT_TRUE(commit(segments[0], made(0)));
  const auto failed = wait<TaskPtr>([&](auto done) {
    store_->fail(ref(segments[1]), Error{ErrorCode::kWorkerLost, "gone", {}}, done);
  });
  ASSERT_TRUE(failed);
  EXPECT_EQ((*failed)->state, TaskState::kRunning);
  const auto again = claim(5);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].unit, segments[1].unit);
  EXPECT_EQ(again[0].parts.size(), 1U);
  ASSERT_TRUE(commit(again[0], made(1)));
  EXPECT_EQ(claim(5).at(0).kind, UnitKind::kPackage);
}

TEST_F(SegmentsTest, ATaskThatEndsTakesItsUnitsAlong) {
  const TaskPtr task = begin();
  const auto segments = claim(2);
  ASSERT_TRUE(commit(segments[0], made(0)));
  const auto cancelled = wait<TaskPtr>([&](auto done) { store_->cancel("a", task->id, done); });
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(commit(segments[1], made(1)).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(claim(5).empty());
  EXPECT_EQ(store_->facts()->queued_units, 0);
}

TEST(Segments, SharesCoverTheSourceWithoutAGap) {
  const auto units = segment_units({}, cut_at({10, 20}), true);
  ASSERT_EQ(units.size(), 5U);
  std::int64_t reached = INT64_MIN;
  for (int i = 0; i < 3; ++i) {
    const UnitShare share = share_of(units[static_cast<std::size_t>(i)].payload);
    EXPECT_EQ(share.index, i);
    EXPECT_EQ(share.count, 3);
    EXPECT_EQ(share.found, cut_at({}).found);
    EXPECT_EQ(share.segment->from, reached);
    reached = share.segment->to;
  }
  EXPECT_EQ(reached, INT64_MAX);
  EXPECT_TRUE(share_of(units[3].payload).others);
  EXPECT_TRUE(units[4].waits);
  EXPECT_EQ(share_of(units[4].payload).segments, cut_at({10, 20}).segments);
}

TEST(Segments, OnlyWhatFollowsEachOtherIsBelieved) {
  EXPECT_TRUE(are_segments({{0, 5}, {5, 9}, {12, INT64_MAX}}));
  EXPECT_FALSE(are_segments({}));
  EXPECT_TRUE(are_segments({{0, 5}}));
  EXPECT_FALSE(are_segments({{0, 5}, {4, 9}}));
  EXPECT_FALSE(are_segments({{0, 5}, {9, 9}}));
  EXPECT_FALSE(are_segments({{5, 9}, {0, 5}}));
  EXPECT_FALSE(are_segments(std::vector<media::Segment>(20'000, {0, 1})));
  EXPECT_FALSE(are_segments({{0, 5, std::vector<media::Waypoint>(30'000)}}));
}

TEST(Segments, TheWayThroughAStreamIsKept) {
  media::Made made = cut_at({10});
  made.segments[1].way = {{18'800, 0}, {37'600, -5'000}};
  const auto units = segment_units({}, made, false);
  EXPECT_EQ(share_of(units[0].payload).segment, made.segments[0]);
  EXPECT_EQ(share_of(units[1].payload).segment, made.segments[1]);
  EXPECT_FALSE(segment_from({1}));
  EXPECT_FALSE(segment_from({1, 2, {3}}));
}

TEST(Segments, WhatWasLeftIsFoundByItsName) {
  media::MadeOutput script;
  script.files.push_back({"script/3", "object:3", "", 1, ""});
  media::MadeOutput encode;
  encode.files.push_back({"1", "object:1", "", 1, ""});
  encode.notes = {"ends too soon"};
  const Parts parts = {files_part({script}), segment_part(segment_name(7), {{}, encode}),
                       segment_part(piece_segment_name(2, 7), {encode})};
  EXPECT_EQ(*left_object(parts, "script/3"), "object:3");
  EXPECT_EQ(*left_object(parts, "segment/7/1"), "object:1");
  EXPECT_FALSE(left_object(parts, "script/2"));
  EXPECT_FALSE(left_object(parts, "segment/3/1"));
  EXPECT_EQ(*left_object(parts, "piece/2/segment/7/0"), "object:1");
  EXPECT_EQ(segments_ended(parts, kSegmentNames), 1);
  EXPECT_EQ(segments_ended(parts, kPieceNames), 1);
  EXPECT_EQ(notes_of(parts), std::vector<std::string>{"ends too soon"});
  EXPECT_TRUE(files_part({}).empty());
}

TEST(Segments, AnEncodeThatFailedSaysWhy) {
  media::MadeOutput encode;
  encode.error = Error{ErrorCode::kUnsupported, "no such thing", {}};
  const auto object = left_object({segment_part(segment_name(0), {encode})}, "segment/0/0");
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().code, ErrorCode::kUnsupported);
}

std::vector<media::PieceWork> two_pieces() {
  std::vector<media::PieceWork> pieces(2);
  pieces[0].piece = 1;
  pieces[0].form.renditions.emplace_back().video.emplace().rate.crf = 12;
  pieces[0].form.name = "piece";
  pieces[0].segments = {{INT64_MIN, 10}, {10, INT64_MAX}};
  pieces[1] = pieces[0];
  pieces[1].piece = 3;
  pieces[1].segments = {media::Segment{}};
  return pieces;
}

TEST(Pieces, EachSegmentOfEachPieceIsAUnitAndTheJoinKnowsThemAll) {
  const auto units = piece_units({{"fetched", "there"}}, two_pieces());
  ASSERT_EQ(units.size(), 4U);
  EXPECT_EQ(piece_share_of(units[2].payload).piece, 3);
  EXPECT_EQ(to_json(*piece_share_of(units[2].payload).form), to_json(two_pieces()[1].form));
  EXPECT_EQ(share_of(units[1].payload).segment, (media::Segment{10, INT64_MAX}));
  EXPECT_EQ(share_of(units[1].payload).count, 3);
  EXPECT_TRUE(units[3].waits);
  const auto encoded = piece_share_of(units[3].payload).pieces;
  ASSERT_EQ(encoded.size(), 2U);
  EXPECT_EQ(encoded[0].segments, two_pieces()[0].segments);
  EXPECT_EQ(to_json(encoded[1].form), to_json(two_pieces()[1].form));
  const NewUnit joined = joined_unit(units[3].payload, 0.5);
  EXPECT_EQ(joined_share(joined.payload), 0.5);
  EXPECT_EQ(joined.payload.at("fetched").as_string(), "there");
  EXPECT_FALSE(joined.payload.contains("pieces"));
}

TEST(Pieces, OnlyThoseThatTheTaskHasAreBelieved) {
  EXPECT_TRUE(are_pieces(two_pieces(), 4));
  EXPECT_FALSE(are_pieces(two_pieces(), 3));
  auto twice = two_pieces();
  twice[1].piece = 1;
  EXPECT_FALSE(are_pieces(twice, 4));
  auto torn = two_pieces();
  torn[1].segments.clear();
  EXPECT_FALSE(are_pieces(torn, 4));
}

TEST(Pieces, WhereFilesLieIsNotForTheChildToSay) {
  media::Made made;
  media::MadeOutput& output = made.outputs.emplace_back();
  output.files.push_back({".joined/all.mp4", "object:00/other", "", 1, "md5"});
  const media::Made heard = made_from(to_json(made));
  EXPECT_EQ(heard.outputs.at(0).files.at(0).url, "");
  EXPECT_EQ(heard.outputs.at(0).files.at(0).md5, "");
  output.error = Error{ErrorCode::kInternal, "no", {}};
  EXPECT_TRUE(files_part(made.outputs).empty());
  EXPECT_FALSE(left_object({segment_part(segment_name(0), made.outputs)}, "segment/0/0"));
}

}  // namespace
}  // namespace telecine
