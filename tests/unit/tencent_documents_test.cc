#include <gtest/gtest.h>

#include "dialect/tencent/facts.h"
#include "tencent_tasks.h"

namespace telecine::tencent {
namespace {

TEST(TencentDocuments, AWaitingTaskHasNoData) {
  EXPECT_EQ(shown(task_info(view(), pulled())),
            R"({"type":"Procedure","status":"WAITING","createTime":1760000000,)"
            R"("beginProcessTime":0,"finishTime":0})");
}

TEST(TencentDocuments, APullThatRunsShowsEveryStepAsProcessing) {
  Task task = pulled();
  task.state = TaskState::kDownloading;
  task.started = 1'760'000'003'999;
  EXPECT_EQ(
      shown(task_info(view(), task)),
      R"({"type":"Procedure","status":"PROCESSING","createTime":1760000000,)"
      R"("beginProcessTime":1760000003,"finishTime":0,"data":{"vodTaskId":"1250000001-Procedure-)" +
          kHex +
          R"(","status":"PROCESSING","errCode":0,"message":"","fileId":"","processTaskList":[)"
          R"({"taskType":"PullFile","status":"PROCESSING","errCode":0,"message":"",)"
          R"("input":{"url":"http://files.example.net/a.mp4","fileName":"a"}},)"
          R"({"taskType":"Transcode","status":"PROCESSING","errCode":0,"message":"",)"
          R"("input":{"definition":20,"watermark":0}}]}})");
}

TEST(TencentDocuments, AFinishedProcedureShowsSourceAndResults) {
  Task task = pulled();
  task.state = TaskState::kSucceeded;
  task.started = 1'760'000'003'000;
  task.finished = 1'760'000'041'000;
  note(task, "", kSource);
  task.source = source_facts();
  succeed(task.outputs[0],
          {{"f20.mp4", "f20.mp4", "video/mp4", 846'002, "1f3870be274f6c49b3e31a0c6728957f"}},
          small_facts());
  const std::string file = file_id_text(kSource);
  EXPECT_EQ(shown(task_info(view(), task)),
            R"({"type":"Procedure","status":"FINISH","createTime":1760000000,)"
            R"("beginProcessTime":1760000003,"finishTime":1760000041,)"
            R"("data":{"vodTaskId":"1250000001-Procedure-)" +
                kHex + R"(","status":"FINISH","errCode":0,"message":"","fileId":")" + file +
                R"(","metaData":{"size":7340812,"container":"mov,mp4,m4a,3gp,3g2,mj2",)"
                R"("bitrate":4893874,"height":720,"width":1280,)"
                R"("md5":"9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d","duration":12,)"
                R"("videoStreamList":[{"bitrate":4761010,"height":720,"width":1280,"codec":"h264",)"
                R"("fps":25}],"audioStreamList":[{"codec":"aac","samplingRate":48000,)"
                R"("bitrate":128120}]},"processTaskList":[)"
                R"({"taskType":"PullFile","status":"SUCCESS","errCode":0,"message":"",)"
                R"("input":{"url":"http://files.example.net/a.mp4","fileName":"a"},)"
                R"("output":{"fileId":")" +
                file + R"(","fileSize":"7340812","url":"http://media.example.net/)" + file +
                R"("}},{"taskType":"Transcode","status":"SUCCESS","errCode":0,"message":"",)"
                R"("input":{"definition":20,"watermark":0},)"
                R"("output":{"url":"http://media.example.net/f20.mp4","size":846002,)"
                R"("container":"mov,mp4,m4a,3gp,3g2,mj2","md5":"1f3870be274f6c49b3e31a0c6728957f",)"
                R"("bitrate":564001,"height":360,"width":640,"duration":12,)"
                R"("videoStreamList":[{"bitrate":513220,"height":360,"width":640,"codec":"h264",)"
                R"("fps":24}],"audioStreamList":[{"codec":"aac","samplingRate":44100,)"
                R"("bitrate":48210}]}}]}})");
}

TEST(TencentDocuments, AFailedPullSkipsWhatFollows) {
  Task task = pulled();
  task.state = TaskState::kFailed;
  task.started = task.created;
  task.finished = task.created + 2000;
  task.error = Error{ErrorCode::kInputNotFound, "source answered 404", "input"};
  task.outputs[0].state = OutputState::kFailed;
  task.outputs[0].error = task.error;
  EXPECT_EQ(
      shown(task_info(view(), task)),
      R"({"type":"Procedure","status":"FINISH","createTime":1760000000,)"
      R"("beginProcessTime":1760000000,"finishTime":1760000002,)"
      R"("data":{"vodTaskId":"1250000001-Procedure-)" +
          kHex +
          R"(","status":"FINISH","errCode":30009,"message":"source answered 404","fileId":"",)"
          R"("processTaskList":[{"taskType":"PullFile","status":"FAIL","errCode":30009,)"
          R"("message":"source answered 404",)"
          R"("input":{"url":"http://files.example.net/a.mp4","fileName":"a"}},)"
          R"({"taskType":"Transcode","status":"FAIL","errCode":30010,"message":"skipped",)"
          R"("input":{"definition":20,"watermark":0}}]}})");
}

TEST(TencentDocuments, SubTasksHaveStatesOfTheirOwnWhileOthersRun) {
  Task task;
  task.id = kTask;
  task.state = TaskState::kRunning;
  task.created = task.started = 1'485'156'352'000;
  task.spec.input = "file-id:" + kSource.hex();
  task.spec.options = memory(
      kProcedure, {step("f10", "Transcode", {{"definition", 10}, {"watermark", 0}}),
                   step("sample", "SampleSnapshot", {{"definition", 10}}),
                   step("times", "SnapshotByTimeOffset",
                        {{"definition", 10}, {"timeOffset", json::array{1000, 2500}}}),
                   step("cover", "CoverBySnapshot",
                        {{"definition", 10}, {"positionType", "Percent"}, {"position", 10}})});
  task.outputs = {output("f10", OutputState::kRunning),
                  output("sample", OutputState::kSucceeded, OutputType::kCover),
                  output("times", OutputState::kSucceeded, OutputType::kCover),
                  output("cover", OutputState::kFailed, OutputType::kCover)};
  task.outputs[1].files = {{"s1", "s1.jpg", "", 1, ""}, {"s2", "s2.jpg", "", 1, ""}};
  task.outputs[2].files = {{"t1", "t1.jpg", "", 1, ""}, {"t2", "t2.jpg", "", 1, ""}};
  task.outputs[3].error = Error{ErrorCode::kUnsupported, "the source has no picture", ""};
  EXPECT_EQ(shown(task_info(view(), task)),
            R"({"type":"Procedure","status":"PROCESSING","createTime":1485156352,)"
            R"("beginProcessTime":1485156352,"finishTime":0,)"
            R"("data":{"vodTaskId":"1250000001-Procedure-)" +
                kHex + R"(","status":"PROCESSING","errCode":0,"message":"","fileId":")" +
                file_id_text(kSource) +
                R"(","processTaskList":[)"
                R"({"taskType":"Transcode","status":"PROCESSING","errCode":0,"message":"",)"
                R"("input":{"definition":10,"watermark":0}},)"
                R"({"taskType":"SampleSnapshot","status":"SUCCESS","errCode":0,"message":"",)"
                R"("input":{"definition":10},"output":{"imageUrls":)"
                R"(["http://media.example.net/s1.jpg","http://media.example.net/s2.jpg"]}},)"
                R"({"taskType":"SnapshotByTimeOffset","status":"SUCCESS","errCode":0,"message":"",)"
                R"("input":{"definition":10,"timeOffset":[1000,2500]},"output":{"imgInfo":[)"
                R"({"timeOffset":1000,"url":"http://media.example.net/t1.jpg"},)"
                R"({"timeOffset":2500,"url":"http://media.example.net/t2.jpg"}]}},)"
                R"({"taskType":"CoverBySnapshot","status":"FAIL","errCode":30009,)"
                R"("message":"the source has no picture",)"
                R"("input":{"definition":10,"positionType":"Percent","position":10}}]}})");
}

TEST(TencentDocuments, ACancelledTaskIsFinishedWithErrors) {
  Task task = pulled();
  task.state = TaskState::kCancelled;
  task.finished = task.created + 9000;
  task.error = Error{ErrorCode::kCancelled, "the task was cancelled", ""};
  task.outputs[0].state = OutputState::kCancelled;
  const json::object info = task_info(view(), task);
  EXPECT_EQ(info.at("status"), "FINISH");
  EXPECT_EQ(info.at("beginProcessTime"), info.at("finishTime"));
  const json::object& data = info.at("data").as_object();
  EXPECT_EQ(data.at("errCode"), 30010);
  for (const auto& entry : data.at("processTaskList").as_array()) {
    EXPECT_EQ(entry.at("status"), "FAIL");
    EXPECT_EQ(entry.at("errCode"), 30010);
  }
}

TEST(TencentDocuments, ATranscodeListsTheSourceFirstAndResultsAsTheyAreReady) {
  Task task = converted();
  const std::string file = file_id_text(kSource);
  const std::string head = R"("createTime":1760000200,"beginProcessTime":1760000201,"finishTime":)";
  const std::string data = R"("data":{"vodTaskId":"1250000001-transcode-)" + kHex +
                           R"(","status":0,"errCode":0,"message":"","fileId":")" + file +
                           R"(","fileName":"a","duration":12,"coverUrl":)";
  const std::string source = R"("playSet":[{"url":"http://media.example.net/)" + file +
                             R"(","definition":0,"vbitrate":4893874,"vheight":720,"vwidth":1280})";
  EXPECT_EQ(shown(task_info(view(), task)), R"({"type":"transcode","status":"PROCESSING",)" + head +
                                                "0," + data + R"("",)" + source + "]}}");
  task.state = TaskState::kSucceeded;
  task.finished = 1'760'000'219'000;
  succeed(task.outputs[0], {{"f20.mp4", "f20.mp4", "", 1, ""}}, small_facts());
  succeed(task.outputs[1], {{"cover.jpg", "cover.jpg", "", 1, ""}});
  EXPECT_EQ(shown(task_info(view(), task)),
            R"({"type":"transcode","status":"FINISH",)" + head + "1760000219," + data +
                R"("http://media.example.net/cover.jpg",)" + source +
                R"(,{"url":"http://media.example.net/f20.mp4","definition":20,)"
                R"("vbitrate":564001,"vheight":360,"vwidth":640}]}})");
}

TEST(TencentDocuments, AFailedTranscodeHasANegativeStatusAndNoResults) {
  Task task = converted();
  task.state = TaskState::kFailed;
  task.finished = 1'760'000'219'000;
  task.error = Error{ErrorCode::kNotMedia, "this is no media", ""};
  EXPECT_EQ(shown(task_info(view(), task).at("data").as_object()),
            R"({"vodTaskId":"1250000001-transcode-)" + kHex +
                R"(","status":-45029,"errCode":-45029,"message":"this is no media","fileId":")" +
                file_id_text(kSource) + R"("})");
}

TEST(TencentDocuments, AClipIsANewFile) {
  Task task;
  task.id = kTask;
  task.created = task.started = 1'760'000'300'000;
  task.state = TaskState::kRunning;
  task.spec.input = "file-id:" + kSource.hex();
  task.spec.options = memory(kClip, {step("clip", "Transcode", {{"definition", 0}})});
  task.outputs = {output("clip", OutputState::kRunning)};
  const std::string head = R"({"vodTaskId":"1250000001-clipVideo-)" + kHex + R"(","srcFileId":")" +
                           file_id_text(kSource) + '"';
  EXPECT_EQ(shown(task_info(view(), task).at("data").as_object()), head + "}");
  task.state = TaskState::kSucceeded;
  task.finished = 1'760'000'304'000;
  const Id clip{13, 777};
  note(task, "clip", clip);
  EXPECT_EQ(shown(task_info(view(), task)),
            R"({"type":"clipVideo","status":"FINISH","createTime":1760000300,)"
            R"("beginProcessTime":1760000300,"finishTime":1760000304,"data":)" +
                head + R"(,"fileInfo":{"fileType":"mp4","status":0,"message":"","fileId":")" +
                file_id_text(clip) + R"(","fileUrl":"http://media.example.net/)" +
                file_id_text(clip) + R"("}}})");
  task.state = TaskState::kFailed;
  task.error = Error{ErrorCode::kOutOfSpace, "no room", ""};
  EXPECT_EQ(shown(task_info(view(), task).at("data").as_object()),
            head + R"(,"fileInfo":{"status":30010,"message":"no room"}})");
}

TEST(TencentDocuments, CallbacksCarryTheSameData) {
  Task task = converted();
  task.state = TaskState::kSucceeded;
  const json::object packet = event(view(), task);
  EXPECT_EQ(packet.at("version"), "4.0");
  EXPECT_EQ(packet.at("eventType"), "TranscodeComplete");
  EXPECT_EQ(packet.at("data"), task_info(view(), task).at("data"));
  EXPECT_EQ(event(view(), pulled()).at("eventType"), "ProcedureStateChanged");
}

TEST(TencentDocuments, TasksOfOtherDialectsAreProcedures) {
  Task task;
  task.id = kTask;
  task.state = TaskState::kRunning;
  task.outputs = {output("small", OutputState::kRunning)};
  EXPECT_TRUE(is_shown(task));
  EXPECT_EQ(shown(task_entry(view(), task)),
            R"({"vodTaskId":"1250000001-Procedure-)" + kHex +
                R"(","type":"Procedure","createTime":0,"beginProcessTime":0,"finishTime":0})");
  task.spec.kind = TaskKind::kGenerate;
  EXPECT_FALSE(is_shown(task));
}

TEST(TencentDocuments, AStreamThatDoesNotSayItsBitrateHasWhatTheOthersLeave) {
  MediaFacts facts = source_facts();
  facts.video[0].bitrate = 0;
  EXPECT_EQ(video_streams(facts).at(0).at("bitrate"), 4'893'874 - 128'120);
  facts.audio[0].bitrate = 0;
  EXPECT_EQ(video_streams(facts).at(0).at("bitrate"), 0);
  facts.video.clear();
  EXPECT_EQ(audio_streams(facts).at(0).at("bitrate"), 4'893'874);
}

TEST(TencentDocuments, TasksAreShownForSeventyTwoHours) {
  Task task = pulled();
  constexpr Millis kHour = 3'600'000;
  EXPECT_FALSE(is_too_old(task, task.created + 72 * kHour));
  EXPECT_TRUE(is_too_old(task, task.created + 72 * kHour + 1));
}

TEST(TencentDocuments, TheOperatorMaySpellTypesAnotherWay) {
  Options options;
  options.task_type_names["Procedure"] = "procedure";
  const View plain = view();
  const View renamed{options, plain.app_id, plain.output_url, plain.file};
  EXPECT_EQ(task_info(renamed, pulled()).at("type"), "procedure");
}

}  // namespace
}  // namespace telecine::tencent
