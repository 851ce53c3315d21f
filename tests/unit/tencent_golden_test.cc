#include <gtest/gtest.h>

#include "dialect/tencent/errors.h"
#include "tencent_tasks.h"

/// Whole answers of GetTaskInfo, to the byte but for the white space in which they stand here.
namespace telecine::tencent {
namespace {

std::string answer(const Task& task, const Options& options = {}) {
  const View plain = view();
  const View own{options, plain.app_id, plain.output_url, plain.file};
  return std::get<std::string>(success(task_info(own, task)).body);
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

/// TASK and FILE stand for the ids.
std::string wanted(std::string text) {
  replace_all(text, "TASK", kHex);
  replace_all(text, "FILE", file_id_text(kSource));
  return json::serialize(parse_json(text).value());
}

MediaFacts page_facts(int rate) {
  MediaFacts facts;
  facts.container = "m4a";
  facts.size = 10'556;
  facts.md5 = "b3ae6ed07d9bf4efeeb94ed2d37ff3e3";
  facts.duration = 3'601'000;
  facts.bitrate = 246'035;
  VideoFacts video;
  video.codec = "h264";
  video.width = 640;
  video.height = 480;
  video.bitrate = 246'000;
  video.frame_rate = {rate, 1};
  facts.video = {video};
  AudioFacts audio;
  audio.codec = "aac";
  audio.sample_rate = 44'100;
  audio.bitrate = 35;
  facts.audio = {audio};
  return facts;
}

OutputFile file_at(const std::string& name) {
  return {name, name, "", 10'556, "b3ae6ed07d9bf4efeeb94ed2d37ff3e3"};
}

/// The procedure of the vendor's page: one transcode runs, the other and the pictures are there.
Task page_procedure() {
  Task task;
  task.id = kTask;
  task.state = TaskState::kRunning;
  task.created = 1'485'156'352'000;
  task.started = 1'485'156'354'000;
  task.spec.input = "file-id:" + kSource.hex();
  task.source = page_facts(22);
  task.spec.options = memory(
      kProcedure, {step("f10", "Transcode", {{"definition", 10}, {"watermark", 1}}),
                   step("f20", "Transcode", {{"definition", 20}, {"watermark", 1}}),
                   step("sample", "SampleSnapshot", {{"definition", 10}}),
                   step("cover", "CoverBySnapshot",
                        {{"definition", 10}, {"position", 10}, {"positionType", "Percent"}})});
  task.outputs = {output("f10", OutputState::kRunning), output("f20", OutputState::kRunning),
                  output("sample", OutputState::kRunning, OutputType::kSnapshots),
                  output("cover", OutputState::kRunning, OutputType::kCover)};
  succeed(task.outputs[1], {file_at("f20.mp4")}, page_facts(222));
  succeed(task.outputs[2], {file_at("xx1.png"), file_at("xx2.png"), file_at("xx3.png")});
  succeed(task.outputs[3], {file_at("xx1.png")});
  return task;
}

// As on the page, but for what it leaves out of the callback's data (vodTaskId, status, message),
// and for finishTime, which by its own words is 0 until the end.
constexpr auto kPageProcedure = R"({
  "code": 0, "message": "", "codeDesc": "Success",
  "type": "procedure", "status": "PROCESSING",
  "createTime": 1485156352, "beginProcessTime": 1485156354, "finishTime": 0,
  "data": {
    "vodTaskId": "1250000001-Procedure-TASK", "status": "PROCESSING",
    "errCode": 0, "message": "", "fileId": "FILE",
    "metaData": {
      "size": 10556, "container": "m4a", "bitrate": 246035, "height": 480, "width": 640,
      "md5": "b3ae6ed07d9bf4efeeb94ed2d37ff3e3", "duration": 3601,
      "videoStreamList": [
        {"bitrate": 246000, "height": 480, "width": 640, "codec": "h264", "fps": 22}],
      "audioStreamList": [{"codec": "aac", "samplingRate": 44100, "bitrate": 35}]
    },
    "processTaskList": [
      {"taskType": "Transcode", "status": "PROCESSING", "errCode": 0, "message": "",
       "input": {"definition": 10, "watermark": 1}},
      {"taskType": "Transcode", "status": "SUCCESS", "errCode": 0, "message": "",
       "input": {"definition": 20, "watermark": 1},
       "output": {
         "url": "http://media.example.net/f20.mp4",
         "size": 10556, "container": "m4a", "md5": "b3ae6ed07d9bf4efeeb94ed2d37ff3e3",
         "bitrate": 246035, "height": 480, "width": 640, "duration": 3601,
         "videoStreamList": [
           {"bitrate": 246000, "height": 480, "width": 640, "codec": "h264", "fps": 222}],
         "audioStreamList": [{"codec": "aac", "samplingRate": 44100, "bitrate": 35}]}},
      {"taskType": "SampleSnapshot", "status": "SUCCESS", "errCode": 0, "message": "",
       "input": {"definition": 10},
       "output": {"imageUrls": ["http://media.example.net/xx1.png",
                                "http://media.example.net/xx2.png",
                                "http://media.example.net/xx3.png"]}},
      {"taskType": "CoverBySnapshot", "status": "SUCCESS", "errCode": 0, "message": "",
       "input": {"definition": 10, "position": 10, "positionType": "Percent"},
       "output": {"imageUrl": "http://media.example.net/xx1.png"}}
    ]
  }
})";

TEST(TencentGolden, TheProcedureOfThePage) {
  Options options;
  options.task_type_names["Procedure"] = "procedure";
  EXPECT_EQ(answer(page_procedure(), options), wanted(kPageProcedure));
}

TEST(TencentGolden, TheProcedureOfThePageAsItEnds) {
  Task task = page_procedure();
  task.state = TaskState::kSucceeded;
  task.finished = 1'485'156'399'000;
  task.outputs[0].state = OutputState::kFailed;
  task.outputs[0].error = Error{ErrorCode::kDecodeFailed, "the picture is broken", ""};
  std::string text = kPageProcedure;
  replace_all(text, R"("type": "procedure", "status": "PROCESSING")",
              R"("type": "Procedure", "status": "FINISH")");
  replace_all(text, R"("finishTime": 0)", R"("finishTime": 1485156399)");
  replace_all(text, R"(TASK", "status": "PROCESSING")", R"(TASK", "status": "FINISH")");
  replace_all(text, R"("status": "PROCESSING", "errCode": 0, "message": "")",
              R"("status": "FAIL", "errCode": 30009, "message": "the picture is broken")");
  EXPECT_EQ(answer(task), wanted(text)) << "a task that brought something has not failed";
}

TEST(TencentGolden, AProcedureOfWhichNothingCame) {
  Task task = page_procedure();
  task.state = TaskState::kFailed;
  task.finished = 1'485'156'399'000;
  task.source.reset();
  task.error = Error{ErrorCode::kNotMedia, "this is no media", "input"};
  for (Output& output : task.outputs) {
    output.state = OutputState::kFailed;
    output.error = task.error;
    output.files.clear();
  }
  const auto failed = [](const std::string& type, const std::string& input) {
    return R"({"taskType": ")" + type +
           R"(", "status": "FAIL", "errCode": 30009, "message": "this is no media", "input": )" +
           input + "}";
  };
  EXPECT_EQ(answer(task),
            wanted(R"({
        "code": 0, "message": "", "codeDesc": "Success", "type": "Procedure", "status": "FINISH",
        "createTime": 1485156352, "beginProcessTime": 1485156354, "finishTime": 1485156399,
        "data": {"vodTaskId": "1250000001-Procedure-TASK", "status": "FINISH", "errCode": 30009,
                 "message": "this is no media", "fileId": "FILE", "processTaskList": [)" +
                   failed("Transcode", R"({"definition": 10, "watermark": 1})") + "," +
                   failed("Transcode", R"({"definition": 20, "watermark": 1})") + "," +
                   failed("SampleSnapshot", R"({"definition": 10})") + "," +
                   failed("CoverBySnapshot",
                          R"({"definition": 10, "position": 10, "positionType": "Percent"})") +
                   "]}}"));
}

TEST(TencentGolden, AProcedureThatWasCancelledInTheQueue) {
  Task task = pulled();
  task.state = TaskState::kCancelled;
  task.finished = 1'760'000'009'000;
  task.error = Error{ErrorCode::kCancelled, "the task was cancelled", ""};
  task.outputs[0].state = OutputState::kCancelled;
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "Procedure", "status": "FINISH",
    "createTime": 1760000000, "beginProcessTime": 1760000009, "finishTime": 1760000009,
    "data": {"vodTaskId": "1250000001-Procedure-TASK", "status": "FINISH", "errCode": 30010,
             "message": "the task was cancelled", "fileId": "", "processTaskList": [
      {"taskType": "PullFile", "status": "FAIL", "errCode": 30010,
       "message": "the task was cancelled",
       "input": {"url": "http://files.example.net/a.mp4", "fileName": "a"}},
      {"taskType": "Transcode", "status": "FAIL", "errCode": 30010,
       "message": "the task was cancelled", "input": {"definition": 20, "watermark": 0}}]}})"));
}

/// The transcode of the vendor's page: the source, and five results of which two are there.
TEST(TencentGolden, TheTranscodeOfThePage) {
  Task task = converted();
  task.created = 1'485'156'352'000;
  task.started = 1'485'156'354'000;
  json::array steps;
  task.outputs = {output("cover", OutputState::kRunning, OutputType::kCover)};
  for (const int definition : {10, 20, 220, 30, 40}) {
    const std::string name = "f" + std::to_string(definition);
    steps.emplace_back(step(name, "Transcode", {{"definition", definition}}));
    task.outputs.push_back(output(name, OutputState::kRunning));
  }
  steps.emplace_back(step("cover", "CoverBySnapshot", {{"definition", 10}}));
  task.spec.options = memory(kTranscode, std::move(steps));
  task.source = page_facts(25);
  task.source->duration = 599'000;
  task.source->bitrate = 246'000;
  MediaFacts small = page_facts(24);
  small.bitrate = 149'193;
  small.video[0].width = 320;
  small.video[0].height = 240;
  succeed(task.outputs[0], {file_at("cover.jpg")});
  succeed(task.outputs[1], {file_at("f10.mp4")}, small);
  task.outputs[3].type = OutputType::kHls;
  MediaFacts segments = page_facts(24);
  segments.bitrate = 524'288;
  succeed(task.outputs[3], {file_at("f220/master.m3u8")}, segments);
  const std::string text = R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "transcode", "status": "PROCESSING",
    "createTime": 1485156352, "beginProcessTime": 1485156354, "finishTime": 0,
    "data": {
      "vodTaskId": "1250000001-transcode-TASK", "status": 0, "errCode": 0, "message": "",
      "fileId": "FILE", "fileName": "a", "duration": 599,
      "coverUrl": "http://media.example.net/cover.jpg",
      "playSet": [
        {"url": "http://media.example.net/FILE", "definition": 0, "vbitrate": 246000,
         "vheight": 480, "vwidth": 640},
        {"url": "http://media.example.net/f10.mp4", "definition": 10, "vbitrate": 149193,
         "vheight": 240, "vwidth": 320},
        {"url": "http://media.example.net/f220/master.m3u8", "definition": 220,
         "vbitrate": 524288, "vheight": 480, "vwidth": 640}]}})";
  EXPECT_EQ(answer(task), wanted(text));
}

TEST(TencentGolden, ATranscodeThatWaitsAndOneThatWasCancelled) {
  Task task = converted();
  task.state = TaskState::kQueued;
  task.started = 0;
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "transcode", "status": "WAITING",
    "createTime": 1760000200, "beginProcessTime": 0, "finishTime": 0})"));
  task.state = TaskState::kCancelled;
  task.started = 1'760'000'201'000;
  task.finished = 1'760'000'219'000;
  task.error = Error{ErrorCode::kCancelled, "the task was cancelled", ""};
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "transcode", "status": "FINISH",
    "createTime": 1760000200, "beginProcessTime": 1760000201, "finishTime": 1760000219,
    "data": {"vodTaskId": "1250000001-transcode-TASK", "status": 30010, "errCode": 30010,
             "message": "the task was cancelled", "fileId": "FILE"}})"));
}

TEST(TencentGolden, AClipInEveryState) {
  Task task = converted();
  task.state = TaskState::kQueued;
  task.started = 0;
  task.spec.options = memory(kClip, {step("clip", "Transcode", {{"definition", 0}})});
  task.outputs = {output("clip", OutputState::kPending)};
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "clipVideo", "status": "WAITING",
    "createTime": 1760000200, "beginProcessTime": 0, "finishTime": 0})"));
  task.state = TaskState::kRunning;
  task.started = 1'760'000'201'000;
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "clipVideo", "status": "PROCESSING",
    "createTime": 1760000200, "beginProcessTime": 1760000201, "finishTime": 0,
    "data": {"vodTaskId": "1250000001-clipVideo-TASK", "srcFileId": "FILE"}})"));
  task.state = TaskState::kFailed;
  task.finished = 1'760'000'219'000;
  task.error = Error{ErrorCode::kDecodeFailed, "the picture is broken", ""};
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "clipVideo", "status": "FINISH",
    "createTime": 1760000200, "beginProcessTime": 1760000201, "finishTime": 1760000219,
    "data": {"vodTaskId": "1250000001-clipVideo-TASK", "srcFileId": "FILE",
             "fileInfo": {"status": -45029, "message": "the picture is broken"}}})"));
}

TEST(TencentGolden, ATaskOfAnotherDialectHasItsOutputsAsSteps) {
  Task task;
  task.id = kTask;
  task.created = task.started = 1'760'000'000'000;
  task.state = TaskState::kRunning;
  task.spec.outputs.resize(3);
  task.spec.outputs[0].name = "hd";
  task.spec.outputs[1].name = "face";
  task.spec.outputs[1].still.at.time = 2500;
  task.spec.outputs[2].name = "shots";
  task.outputs = {output("hd", OutputState::kRunning),
                  output("face", OutputState::kRunning, OutputType::kCover),
                  output("shots", OutputState::kRunning, OutputType::kSnapshots)};
  EXPECT_EQ(answer(task), wanted(R"({
    "code": 0, "message": "", "codeDesc": "Success", "type": "Procedure", "status": "PROCESSING",
    "createTime": 1760000000, "beginProcessTime": 1760000000, "finishTime": 0,
    "data": {"vodTaskId": "1250000001-Procedure-TASK", "status": "PROCESSING", "errCode": 0,
             "message": "", "fileId": "", "processTaskList": [
      {"taskType": "Transcode", "status": "PROCESSING", "errCode": 0, "message": "",
       "input": {"definition": 0, "watermark": 0}},
      {"taskType": "CoverBySnapshot", "status": "PROCESSING", "errCode": 0, "message": "",
       "input": {"definition": 0, "positionType": "Time", "position": 2}},
      {"taskType": "SampleSnapshot", "status": "PROCESSING", "errCode": 0, "message": "",
       "input": {"definition": 0}}]}})"));
}

}  // namespace
}  // namespace telecine::tencent
