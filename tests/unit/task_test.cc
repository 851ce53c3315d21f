#include <gtest/gtest.h>

#include "base/text.h"
#include "task/lifecycle.h"
#include "task/records.h"
#include "task/rendition.h"

namespace telecine {
namespace {

Error problem_of(std::string_view text) {
  auto spec = output_spec_from(*parse_json(text), "outputs[0]");
  EXPECT_FALSE(spec);
  return spec ? Error{} : spec.error();
}

TEST(TaskState, MovesForwardsOnlyAndBackToTheQueueAfterAnEnd) {
  EXPECT_TRUE(can_move(TaskState::kQueued, TaskState::kRunning));
  EXPECT_TRUE(can_move(TaskState::kRunning, TaskState::kCancelled));
  EXPECT_FALSE(can_move(TaskState::kRunning, TaskState::kDownloading));
  EXPECT_FALSE(can_move(TaskState::kSucceeded, TaskState::kQueued));
  EXPECT_TRUE(can_move(TaskState::kFailed, TaskState::kQueued));
}

TEST(Lifecycle, ATaskSucceedsWhenOneOutputOfTwoDoes) {
  Task task;
  task.state = TaskState::kRunning;
  UnitOutcome outcome;
  outcome.outputs.resize(2);
  outcome.outputs[0].state = OutputState::kSucceeded;
  outcome.outputs[1].state = OutputState::kFailed;
  EXPECT_EQ(after_commit(task, outcome, 5).state, TaskState::kSucceeded);
}

TEST(Lifecycle, ATaskFailsWithTheFirstErrorWhenEveryOutputFails) {
  Task task;
  task.state = TaskState::kRunning;
  UnitOutcome outcome;
  outcome.outputs.resize(2);
  for (Output& o : outcome.outputs) o.state = OutputState::kFailed;
  outcome.outputs[0].error = Error{ErrorCode::kUnsupported, "first", ""};
  const Task after = after_commit(task, outcome, 5);
  EXPECT_EQ(after.state, TaskState::kFailed);
  EXPECT_EQ(after.error->message, "first");
}

TEST(Lifecycle, RetryDelaysDoubleToALimit) {
  EXPECT_EQ(retry_delay(1), 2000);
  EXPECT_EQ(retry_delay(2), 4000);
  EXPECT_EQ(retry_delay(50), 300'000);
}

TEST(OutputSpec, AnUnknownFieldIsRefusedWithTheNearestKnownOne) {
  const Error error = problem_of(R"({"type":"video","video":{"crff":20}})");
  EXPECT_EQ(error.field, "outputs[0].video.crff");
  EXPECT_NE(error.message.find("\"crf\""), std::string::npos);
}

TEST(OutputSpec, ValuesOutOfRangeNameTheRange) {
  const Error error = problem_of(R"({"type":"video","video":{"crf":99}})");
  EXPECT_EQ(error.field, "outputs[0].video.crf");
  EXPECT_NE(error.message.find("0 to 51"), std::string::npos);
}

TEST(OutputSpec, AWrongChoiceListsTheValidOnes) {
  const Error error = problem_of(R"({"type":"vdeo"})");
  EXPECT_EQ(error.field, "outputs[0].type");
  EXPECT_NE(error.message.find("video, hls or cover"), std::string::npos);
}

TEST(OutputSpec, CrfAndBitrateExcludeEachOther) {
  EXPECT_EQ(problem_of(R"({"type":"video","video":{"crf":20,"bitrate":500000}})").field,
            "outputs[0].video.bitrate");
}

TEST(OutputSpec, HlsRenditionsGetKeyframesOnAGrid) {
  auto spec = output_spec_from(
      *parse_json(R"({"type":"hls","renditions":[{"name":"a","video":{"short_side":360}}]})"), "");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_FALSE(spec->renditions[0].video->scene_cuts);
  EXPECT_EQ(spec->renditions[0].video->gop, 2000);
}

TEST(OutputSpec, TwoRenditionsOfOneNameAreRefused) {
  const Error error = problem_of(R"({"type":"hls","renditions":[{"name":"a"},{"name":"a"}]})");
  EXPECT_EQ(error.field, "outputs[0].renditions[1].name");
}

TEST(OutputSpec, SurvivesItsOwnJsonForm) {
  for (const Template& made : built_in_templates()) {
    for (const OutputSpec& spec : made.outputs) {
      auto again = output_spec_from(to_json(spec), "");
      ASSERT_TRUE(again) << again.error().field << again.error().message;
      EXPECT_EQ(json::serialize(to_json(*again)), json::serialize(to_json(spec)));
    }
  }
}

TEST(Fit, KeepsTheAspectEvenSidesAndNeverEnlarges) {
  PictureSize short_720;
  short_720.short_side = 720;
  EXPECT_EQ(fit(short_720, {1920, 1080}), (Dimensions{1280, 720}));
  EXPECT_EQ(fit(short_720, {1080, 1920}), (Dimensions{720, 1280}));
  EXPECT_EQ(fit(short_720, {640, 360}), (Dimensions{640, 360}));
  EXPECT_EQ(fit(short_720, {161, 121}), (Dimensions{160, 120}));
  PictureSize box;
  box.width = 640;
  box.height = 640;
  EXPECT_EQ(fit(box, {1920, 1080}), (Dimensions{640, 360}));
  PictureSize larger;
  larger.height = 720;
  larger.enlarge = true;
  EXPECT_EQ(fit(larger, {640, 360}), (Dimensions{1280, 720}));
}

TEST(Id, ReadsItsOwnHexFormAndNothingElse) {
  const Id id{123456789, 0xfeedfacecafebeefULL};
  EXPECT_EQ(Id::from_hex(id.hex()), id);
  EXPECT_FALSE(Id::from_hex("00"));
  EXPECT_FALSE(Id::from_hex(std::string(32, 'f')));  // a key above 10^15
  EXPECT_FALSE(Id::from_hex("0000000075BCD15feedfacecafebeef0"));
}

TEST(Text, DurationsAndSizesAreReadWithTheirUnits) {
  EXPECT_EQ(parse_duration_ms("30s"), 30'000);
  EXPECT_EQ(parse_duration_ms("1.5"), 1500);
  EXPECT_EQ(parse_duration_ms("2h"), 7'200'000);
  EXPECT_FALSE(parse_duration_ms("soon"));
  EXPECT_EQ(parse_bytes("2GiB"), 2LL << 30);
  EXPECT_FALSE(parse_bytes("-1"));
}

TEST(Text, InvalidUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(printable(std::string_view("a\xff"
                                       "b\n",
                                       4),
                      100),
            "a\xEF\xBF\xBD"
            "b ");
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));
  EXPECT_TRUE(is_valid_utf8("中文"));
}

}  // namespace
}  // namespace telecine
