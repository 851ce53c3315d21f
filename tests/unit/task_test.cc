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
  EXPECT_EQ(after_commit(task, outcome, false, 5).state, TaskState::kSucceeded);
}

TEST(Lifecycle, ATaskFailsWithTheFirstErrorWhenEveryOutputFails) {
  Task task;
  task.state = TaskState::kRunning;
  UnitOutcome outcome;
  outcome.outputs.resize(2);
  for (Output& o : outcome.outputs) o.state = OutputState::kFailed;
  outcome.outputs[0].error = Error{ErrorCode::kUnsupported, "first", ""};
  const Task after = after_commit(task, outcome, false, 5);
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
  EXPECT_NE(error.message.find("video, hls, cover, snapshots, sprites or subtitles"),
            std::string::npos);
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

TEST(OutputSpec, WhatACarrierCannotHoldIsRefusedWithTheReason) {
  const auto expect = [](std::string_view text, std::string_view field, std::string_view words) {
    const Error error = problem_of(text);
    EXPECT_EQ(error.field, "outputs[0]." + std::string(field)) << text;
    EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
  };
  expect(R"({"container":"flv","video":{"codec":"av1"}})", "video.codec",
         "flv holds h264 or h265, not");
  expect(R"({"container":"webm","video":{"codec":"h264"}})", "video.codec", "vp9 or av1");
  expect(R"({"container":"gif","audio":{}})", "audio", "pictures only");
  expect(R"({"video":{"codec":"copy","crf":20}})", "video.crf", "");
  expect(R"({"video":{"codec":"copy"},"cut":"keyframe"})", "cut", "start, end");
  expect(R"({"start":3,"cut":"keyframe"})", "cut", "copied");
  expect(R"({"video":{"codec":"copy"},"start":3,"cut":"rough"})", "cut", "");
  expect(R"({"type":"hls","start":3,"renditions":[{"video":{"codec":"copy"}}]})", "start",
         "encoded anew");
  expect(R"({"container":"webp","video":{"bitrate":100000}})", "video.crf", "webp takes crf");
  expect(R"({"type":"sprites","columns":64,"width":200})", "columns", "wider than 8192");
  expect(R"({"container":"m4a","audio":{"codec":"mp3"}})", "audio.codec", "m4a holds aac, not mp3");
  expect(R"({"container":"m4a","video":{}})", "video", "sound only");
  expect(R"({"container":"mp3","audio":{"codec":"aac"}})", "audio.codec", "not aac");
  expect(R"({"container":"mp3","audio":{"bitrate":384000}})", "audio.bitrate", "320000");
  expect(R"({"container":"flv","audio":{"codec":"mp3","sample_rate":48000}})", "audio.sample_rate",
         "44100");
  expect(R"({"video":{"codec":"h265","profile":"high"}})", "video.profile", "main");
  expect(R"({"type":"hls","segments":"ts","renditions":[{"video":{"codec":"h265"}}]})",
         "renditions[0].video.codec", "ts segments hold h264");
  expect(R"({"type":"hls","renditions":[{"audio":{"codec":"mp3"}}]})", "renditions[0].audio.codec",
         "fmp4 segments hold aac or opus or flac");
}

TEST(OutputSpec, SilenceMeansWhatTheContainerHolds) {
  const auto mp3 = output_spec_from(*parse_json(R"({"container":"mp3"})"), "");
  ASSERT_TRUE(mp3) << mp3.error().message;
  EXPECT_FALSE(mp3->renditions[0].video);
  EXPECT_EQ(mp3->renditions[0].audio->codec, AudioCodec::kMp3);
  const auto h265 = output_spec_from(*parse_json(R"({"video":{"codec":"h265"}})"), "");
  EXPECT_EQ(h265->renditions[0].video->rate.crf, 28);
}

TEST(OutputSpec, PartsOfTheSourceAreOrdered) {
  EXPECT_EQ(problem_of(R"({"start":4,"end":3})").field, "outputs[0].end");
  EXPECT_EQ(problem_of(R"({"start":-3,"end":-4})").field, "outputs[0].end");
  EXPECT_EQ(problem_of(R"({"type":"cover","start":1})").field, "outputs[0].start");
  const auto spec = output_spec_from(*parse_json(R"({"start":4.5,"end":-2})"), "");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->start, 4500);
  EXPECT_EQ(spec->end, -2000);
}

TEST(OutputSpec, SnapshotsNeedOneWayOfChoosingTimes) {
  EXPECT_EQ(problem_of(R"({"type":"snapshots"})").field, "outputs[0].every");
  EXPECT_EQ(problem_of(R"({"type":"snapshots","every":1,"times":[1]})").field, "outputs[0].every");
  EXPECT_EQ(problem_of(R"({"type":"snapshots","times":[]})").field, "outputs[0].times");
  EXPECT_EQ(problem_of(R"({"type":"snapshots","times":[1,-1]})").field, "outputs[0].times");
  EXPECT_EQ(problem_of(R"({"type":"snapshots","every":1,"at":3})").field, "outputs[0].at");
}

TEST(OutputSpec, NewKindsSurviveTheirOwnJsonForm) {
  for (const char* text :
       {R"({"type":"snapshots","times":[3,0.25],"short_side":90,"format":"png"})",
        R"({"type":"snapshots","every_percent":12.5})", R"({"container":"m4a","start":-3.5})",
        R"({"container":"flv","audio":{"codec":"mp3"},"end":9})",
        R"({"type":"hls","segments":"ts","start":1,"renditions":[{"audio":{"codec":"mp3"}}]})"}) {
    auto spec = output_spec_from(*parse_json(text), "");
    ASSERT_TRUE(spec) << text << ": " << spec.error().message;
    auto again = output_spec_from(to_json(*spec), "");
    ASSERT_TRUE(again) << text << ": " << again.error().field << " " << again.error().message;
    EXPECT_EQ(json::serialize(to_json(*again)), json::serialize(to_json(*spec)));
  }
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

TEST(Documents, AStoredTaskKeepsWhatWasAskedForAndShowsNoKey) {
  Task task;
  task.id = {7, 9};
  task.spec.max_attempts = 5;
  OutputSpec hls;
  hls.name = "hls";
  hls.type = OutputType::kHls;
  hls.renditions = {Rendition{"720p", VideoOptions{}, AudioOptions{}}};
  hls.renditions[0].video->rate.crf = 23;
  OutputSpec locked = hls;
  locked.name = "locked";
  locked.encryption = Encryption{std::string(32, 'a'), "https://keys.example/1"};
  task.spec.outputs = {hls, locked};
  const json::object view = view_of(task);
  EXPECT_EQ(view.at("max_attempts").as_int64(), 5);
  EXPECT_EQ(view.at("requested").as_array().size(), 2U);
  EXPECT_EQ(json::serialize(view).find(std::string(32, 'a')), std::string::npos);
  const auto again = task_from(view, rest_of(task), task.id, 1);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->spec.max_attempts, 5);
  ASSERT_EQ(again->spec.outputs.size(), 2U);
  ASSERT_TRUE(again->spec.outputs[1].encryption);
  EXPECT_EQ(*again->spec.outputs[1].encryption, *locked.encryption);
}

TEST(StoredTask, AMemberOfAnotherTypeIsPassedOver) {
  const json::value view = parse_json(
                               R"({"state":"running","metadata":{"a":1,"b":"c"},
                                   "inputs":[{"input":"x","start":1.5},{"input":"y"}]})")
                               .value();
  const json::value rest = parse_json(R"({"times":[{},"x",7]})").value();
  const auto task = task_from(view, rest, Id{}, 1);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->created, 0);
  EXPECT_EQ(task->finished, 7);
  EXPECT_EQ(task->spec.metadata, (std::map<std::string, std::string>{{"b", "c"}}));
  EXPECT_EQ(task->spec.pieces, (std::vector<Piece>{{"x", 1500, 0}, {"y", 0, 0}}));
}

}  // namespace
}  // namespace telecine
