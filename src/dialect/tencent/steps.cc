#include "dialect/tencent/steps.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dialect/tencent/errors.h"
#include "dialect/tencent/facts.h"
#include "dialect/tencent/ids.h"
#include "dialect/tencent/presets.h"

namespace telecine::tencent {
namespace {

constexpr auto kSkipped = "skipped";

json::value files_array(const View& view, const Task& task, const Output& output) {
  json::array urls;
  for (const OutputFile& file : output.files) urls.emplace_back(view.output_url(task, file));
  return urls;
}

json::object transcode_result(const View& view, const Task& task, const Output& output,
                              const json::object&) {
  const MediaFacts facts = output.facts.value_or(MediaFacts{});
  const OutputFile& first = output.files.front();
  // Of a playlist, the playlist itself is meant, by its format's name.
  const bool is_hls = output.type == OutputType::kHls;
  return {{"url", view.output_url(task, first)},
          {"size", first.size},
          {"container", is_hls ? std::string("hls,applehttp") : facts.container},
          {"md5", first.md5},
          {"bitrate", facts.bitrate},
          {"height", height_of(facts)},
          {"width", width_of(facts)},
          {"duration", whole_seconds(facts.duration)},
          {"videoStreamList", video_streams(facts)},
          {"audioStreamList", audio_streams(facts)}};
}

json::object sample_result(const View& view, const Task& task, const Output& output,
                           const json::object&) {
  return {{"imageUrls", files_array(view, task, output)}};
}

json::object cover_result(const View& view, const Task& task, const Output& output,
                          const json::object&) {
  return {{"imageUrl", view.output_url(task, output.files.front())}};
}

json::object snapshot_result(const View& view, const Task& task, const Output& output,
                             const json::object& input) {
  json::array pictures;
  const json::array& times = LooseReader(input).list("timeOffset");
  for (std::size_t i = 0; i < std::min(times.size(), output.files.size()); ++i) {
    pictures.emplace_back(
        json::object{{"timeOffset", times[i]}, {"url", view.output_url(task, output.files[i])}});
  }
  return {{"imgInfo", std::move(pictures)}};
}

json::object animation_result(const View& view, const Task& task, const Output& output,
                              const json::object&) {
  const MediaFacts facts = output.facts.value_or(MediaFacts{});
  const OutputFile& file = output.files.front();
  const VideoFacts* video = facts.main_video();
  return {{"url", view.output_url(task, file)},
          {"container", file.name.substr(file.name.rfind('.') + 1)},
          {"fps", video == nullptr ? 0 : std::llround(video->frame_rate.value())},
          {"height", height_of(facts)},
          {"width", width_of(facts)}};
}

std::int64_t sprites_in(const Task& task, const Output& output) {
  const auto asked = std::ranges::find(task.spec.outputs, output.name, &OutputSpec::name);
  if (asked == task.spec.outputs.end()) return 0;
  const Sampling& sampling = asked->sampling;
  if (!sampling.times.empty()) return std::ssize(sampling.times);
  if (sampling.every_percent > 0) return std::llround(std::ceil(100 / sampling.every_percent));
  const Millis duration = task.source.value_or(MediaFacts{}).duration;
  const Millis every = std::max<Millis>(1, sampling.every);
  return std::max<Millis>(1, (duration + every - 1) / every);
}

json::object sprite_result(const View& view, const Task& task, const Output& output,
                           const json::object&) {
  json::array sheets;
  for (const OutputFile& file : output.files) {
    if (!file.name.ends_with(".vtt")) sheets.emplace_back(view.output_url(task, file));
  }
  return {{"totalCount", sprites_in(task, output)},
          {"urlList", std::move(sheets)},
          {"webVttUrl", view.output_url(task, output.files.front())}};
}

struct StepKind {
  std::string_view type;
  json::object (*result)(const View&, const Task&, const Output&, const json::object&);
};
constexpr std::array kStepKinds = {
    StepKind{"Transcode", transcode_result},
    StepKind{"SampleSnapshot", sample_result},
    StepKind{"CoverBySnapshot", cover_result},
    StepKind{"SnapshotByTimeOffset", snapshot_result},
    StepKind{"AnimatedGraphics", animation_result},
    StepKind{"ImageSprites", sprite_result},
};

StepState begun(std::string_view type, json::object input) {
  StepState step;
  step.document = {{"taskType", type},
                   {"status", "PROCESSING"},
                   {"errCode", 0},
                   {"message", ""},
                   {"input", std::move(input)}};
  return step;
}

void fail_step(StepState& step, int number, const std::string& message) {
  step.code = number;
  step.message = message;
  step.document["status"] = "FAIL";
  step.document["errCode"] = number;
  step.document["message"] = message;
}

void finish_step(StepState& step, json::object output) {
  step.document["status"] = "SUCCESS";
  step.document["output"] = std::move(output);
}

StepState pull_step(const View& view, const Task& task, const json::object& input) {
  StepState step = begun("PullFile", input);
  if (const auto id = input_file(task)) {
    const auto source = view.file(*id);
    const std::int64_t size = source ? source->file.size : task.source.value_or(MediaFacts{}).size;
    finish_step(step, {{"fileId", file_id_text(*id)},
                       {"fileSize", std::to_string(size)},
                       {"url", source ? source->url : ""}});
  } else if (is_final(task.state)) {
    const Error error = task.error.value_or(Error{});
    fail_step(step, step_code(Step::kPull, error.code), error.message);
  }
  return step;
}

StepState output_step(const View& view, const Task& task, const Output& output,
                      std::string_view type, const json::object& input, bool pulled) {
  StepState step = begun(type, input);
  const auto kind = std::ranges::find(kStepKinds, type, &StepKind::type);
  switch (output.state) {
    case OutputState::kPending:
    case OutputState::kRunning:
      break;
    case OutputState::kSucceeded:
      if (kind != kStepKinds.end() && !output.files.empty()) {
        finish_step(step, kind->result(view, task, output, input));
      }
      break;
    case OutputState::kCancelled:
      fail_step(step, kSystemFailure, task.error ? task.error->message : "cancelled");
      break;
    case OutputState::kFailed:
      if (!pulled) {
        fail_step(step, kSystemFailure, kSkipped);
      } else {
        const Error error = output.error.value_or(Error{});
        fail_step(step, step_code(Step::kProcedure, error.code), error.message);
      }
      break;
  }
  return step;
}

const Output* find_output(const Task& task, std::string_view name) {
  const auto at = std::ranges::find(task.outputs, name, &Output::name);
  return at == task.outputs.end() ? nullptr : &*at;
}

/// A step of a task that another dialect made. Its templates have no numbers: 0 stands for them.
StepState foreign_step(const View& view, const Task& task, const Output& output) {
  json::object input{{"definition", 0}};
  std::string_view type = "SampleSnapshot";
  const auto asked = std::ranges::find(task.spec.outputs, output.name, &OutputSpec::name);
  const auto container = asked == task.spec.outputs.end() ? Container::kMp4 : asked->container;
  if (output.type == OutputType::kVideo &&
      (container == Container::kGif || container == Container::kWebp)) {
    type = "AnimatedGraphics";
    input["startTime"] = asked->start / 1000;
    input["endTime"] = asked->end / 1000;
  } else if (output.type == OutputType::kVideo || output.type == OutputType::kHls) {
    type = "Transcode";
    input["watermark"] = 0;
  } else if (output.type == OutputType::kSprites) {
    type = "ImageSprites";
  } else if (output.type == OutputType::kCover) {
    type = "CoverBySnapshot";
    const Position at = asked == task.spec.outputs.end() ? Position{} : asked->still.at;
    input["positionType"] = at.time ? "Time" : "Percent";
    input["position"] =
        at.time ? *at.time / 1000 : static_cast<Millis>(std::llround(at.percent.value_or(10)));
  }
  return output_step(view, task, output, type, input, true);
}

}  // namespace

json::object memory_of(const Task& task) {
  const auto* dialect = LooseReader(task.spec.options).at(remembered::kDialect);
  const auto* own = dialect != nullptr ? LooseReader(*dialect).at(remembered::kName) : nullptr;
  return own != nullptr && own->is_object() ? own->get_object() : json::object();
}

std::vector<StepState> steps_of(const View& view, const Task& task) {
  const json::object memory = memory_of(task);
  const LooseReader in(memory);
  std::vector<StepState> steps;
  bool pulled = true;
  if (const auto* pull = in.at(remembered::kPull); pull != nullptr && pull->is_object()) {
    steps.push_back(pull_step(view, task, pull->get_object()));
    pulled = input_file(task).has_value();
  }
  if (memory.empty()) {
    for (const Output& output : task.outputs) steps.push_back(foreign_step(view, task, output));
    return steps;
  }
  for (const auto& item : in.list(remembered::kSteps)) {
    const LooseReader step(item);
    const Output* output = find_output(task, step.text("output"));
    const auto* input = step.at("input");
    if (output == nullptr || input == nullptr || !input->is_object()) continue;
    steps.push_back(
        output_step(view, task, *output, step.text("type"), input->get_object(), pulled));
  }
  return steps;
}

}  // namespace telecine::tencent
