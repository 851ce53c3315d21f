#pragma once

#include "dialect/tencent/documents.h"
#include "dialect/tencent/ids.h"

/// Tasks as the Tencent dialect makes them, in the states its documents are checked in.
namespace telecine::tencent {
inline const Id kTask{7, 0x1122'3344'5566'7788};
inline const Id kSource{12, 650};
inline const std::string kHex = kTask.hex();

inline std::string shown(const json::object& document) {
  return json::serialize(document);
}

inline MediaFacts source_facts() {
  MediaFacts facts;
  facts.container = "mov,mp4,m4a,3gp,3g2,mj2";
  facts.size = 7'340'812;
  facts.md5 = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
  facts.duration = 11'500;  // rounded half up
  facts.bitrate = 4'893'874;
  VideoFacts video;
  video.codec = "h264";
  video.width = 1280;
  video.height = 720;
  video.bitrate = 4'761'010;
  video.frame_rate = {25, 1};
  facts.video = {video};
  AudioFacts audio;
  audio.codec = "aac";
  audio.sample_rate = 48'000;
  audio.bitrate = 128'120;
  facts.audio = {audio};
  return facts;
}

inline MediaFacts small_facts() {
  MediaFacts facts = source_facts();
  facts.bitrate = 564'001;
  facts.video[0].width = 640;
  facts.video[0].height = 360;
  facts.video[0].bitrate = 513'220;
  facts.video[0].frame_rate = {24'000, 1001};
  facts.audio[0].sample_rate = 44'100;
  facts.audio[0].bitrate = 48'210;
  return facts;
}

inline View view() {
  static const Options options;
  return {
      options, 1'250'000'001,
      [](const Task&, const OutputFile& file) { return "http://media.example.net/" + file.url; },
      [](Id id) -> std::optional<View::Source> {
        File file;
        file.id = id;
        file.size = 7'340'812;
        return View::Source{file, "http://media.example.net/" + file_id_text(id)};
      }};
}

inline json::object memory(std::string_view kind, json::array steps, json::object pull = {}) {
  json::object own{
      {"kind", kind}, {"app_id", 1'250'000'001}, {"file_name", "a"}, {"steps", std::move(steps)}};
  if (!pull.empty()) own["pull"] = std::move(pull);
  json::object dialect;
  dialect["tencent"] = std::move(own);
  json::object options;
  options["dialect"] = std::move(dialect);
  return options;
}

inline json::object step(std::string_view output, std::string_view type, json::object input) {
  return {{"output", output}, {"type", type}, {"input", std::move(input)}};
}

inline Output output(const std::string& name, OutputState state,
                     OutputType type = OutputType::kVideo) {
  Output made;
  made.name = name;
  made.type = type;
  made.state = state;
  return made;
}

inline void succeed(Output& made, std::vector<OutputFile> files,
                    std::optional<MediaFacts> facts = {}) {
  made.state = OutputState::kSucceeded;
  made.files = std::move(files);
  made.facts = std::move(facts);
}

inline Task pulled() {
  Task task;
  task.id = kTask;
  task.created = 1'760'000'000'400;
  task.spec.input = "http://files.example.net/a.mp4";
  task.spec.options =
      memory(kProcedure, {step("f20", "Transcode", {{"definition", 20}, {"watermark", 0}})},
             {{"url", "http://files.example.net/a.mp4"}, {"fileName", "a"}});
  task.outputs = {output("f20", OutputState::kPending)};
  return task;
}

inline void note(Task& task, const std::string& name, Id file) {
  const json::object known = task.result;
  note_file(task.result, known, name, file);
}

inline Task converted() {
  Task task;
  task.id = kTask;
  task.created = 1'760'000'200'000;
  task.started = 1'760'000'201'000;
  task.state = TaskState::kRunning;
  task.spec.input = "file-id:" + kSource.hex();
  task.spec.options = memory(kTranscode, {step("f20", "Transcode", {{"definition", 20}}),
                                          step("cover", "CoverBySnapshot", {{"definition", 10}})});
  task.outputs = {output("f20", OutputState::kRunning),
                  output("cover", OutputState::kRunning, OutputType::kCover)};
  task.source = source_facts();
  return task;
}

}  // namespace telecine::tencent
