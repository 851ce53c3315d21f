#include "dialect/visionular/documents.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dialect/visionular/visionular.h"
#include "object/endpoint.h"

namespace telecine::visionular {
namespace {

struct StateRow {
  TaskState state;
  std::string_view signed_word;
  std::string_view basic_word;
};
constexpr std::array kStates = {
    StateRow{TaskState::kQueued, "pending", "pending"},
    StateRow{TaskState::kDownloading, "downloading", "downloading"},
    StateRow{TaskState::kRunning, "running", "running"},
    StateRow{TaskState::kUploading, "uploading", "uploading"},
    StateRow{TaskState::kSucceeded, "success", "succeeded"},
    StateRow{TaskState::kFailed, "fail", "failed"},
    StateRow{TaskState::kCancelled, "fail", "failed"},
};

struct ErrorRow {
  ErrorCode error;
  int code;
  std::string_view message;
};
constexpr std::array kTaskErrors = {
    ErrorRow{ErrorCode::kInternal, 1000, "Internal error"},
    ErrorRow{ErrorCode::kInputNotFound, 1001, "Input file not found"},
    ErrorRow{ErrorCode::kInputForbidden, 1002, "Access to input denied"},
    ErrorRow{ErrorCode::kNotMedia, 1003, "Invalid input file"},
    ErrorRow{ErrorCode::kDecodeFailed, 1004, "Decode failed"},
    ErrorRow{ErrorCode::kInputUnreachable, 1005, "Input download failed"},
    ErrorRow{ErrorCode::kInputTooLarge, 1006, "Input too large"},
    ErrorRow{ErrorCode::kUnsupported, 1007, "Unsupported input or output"},
    ErrorRow{ErrorCode::kInvalidParameter, 1008, "Invalid parameter"},
    ErrorRow{ErrorCode::kStorageDenied, 1009, "Access to output storage denied"},
    ErrorRow{ErrorCode::kStorageUnavailable, 1010, "Output upload failed"},
    ErrorRow{ErrorCode::kOutOfSpace, 1011, "Out of space"},
    ErrorRow{ErrorCode::kResourceLimit, 1012, "Resource limit reached"},
    ErrorRow{ErrorCode::kTimedOut, 1013, "Task timed out"},
    ErrorRow{ErrorCode::kWorkerLost, 1014, "Worker lost"},
    ErrorRow{ErrorCode::kProviderRejected, 1015, "Rejected by provider"},
    ErrorRow{ErrorCode::kProviderUnavailable, 1016, "Provider unavailable"},
    ErrorRow{ErrorCode::kCancelled, 1017, "Task cancelled"},
};

std::int64_t seconds(Millis at) {
  return at / 1000;
}

/// Bits per millisecond are kbit/s; three decimals.
double kilobits(std::int64_t bytes, Millis duration) {
  if (bytes <= 0 || duration <= 0) return 0;
  const double rate = static_cast<double>(bytes) * 8.0 / static_cast<double>(duration);
  return std::round(rate * 1000.0) / 1000.0;
}

/// Where a task's one deliverable is, or will be.
struct Deliverable {
  const Output* output = nullptr;
  std::string region_type;
  std::string region;
  std::string bucket;
  std::string key;
  std::string url;  ///< type://bucket/key
  std::int64_t size = 0;
};

/// The first video; of a task without one its first output.
const Output* described_output(const Task& task) {
  for (const Output& output : task.outputs) {
    if (output.type == OutputType::kVideo || output.type == OutputType::kHls) return &output;
  }
  return task.outputs.empty() ? nullptr : &task.outputs.front();
}

Deliverable deliverable_of(const Task& task) {
  Deliverable found;
  found.output = described_output(task);
  const OutputFile* first = nullptr;
  if (found.output != nullptr && !found.output->files.empty()) {
    first = &found.output->files.front();
    for (const OutputFile& file : found.output->files) found.size += file.size;
  }
  if (const auto& to = task.spec.destination) {
    found.region_type = to->type;
    found.region = to->region;
    found.bucket = to->bucket;
    if (!to->name.empty()) found.key = to->prefix + to->name;
  }
  if (const auto cloud = first != nullptr ? object::CloudUrl::parse(first->url) : std::nullopt) {
    found.region_type = name_of(cloud->type);
    found.bucket = cloud->bucket;
    found.key = cloud->key;
  } else if (first != nullptr && !task.spec.destination) {
    found.region_type = "file";
    found.key = first->name;
  }
  if (!found.key.empty()) {
    found.url = found.region_type + "://" + found.bucket + "/" + found.key;
  }
  return found;
}

std::string output_link(const Service& service, const Task& task, const Deliverable& made,
                        const std::string& base) {
  const bool there =
      task.state == TaskState::kSucceeded && made.output != nullptr && !made.output->files.empty();
  return there ? service.url_of(task, made.output->files.front().url, base) : "";
}

/// By which the input can be downloaded: a file of this engine's library has a link here.
std::string input_link(Service& service, const Task& task, const std::string& base) {
  std::string url = service.input_url(task);
  const auto file = url.empty() ? input_file(task) : std::nullopt;
  if (!file) return url;
  const auto known = service.files().get(task.account, *file);
  return known ? base + service.link(*known) : "";
}

json::object signed_document(Service& service, const Task& task, const std::string& base) {
  const Deliverable made = deliverable_of(task);
  const Remembered remembered = remembered_of(task);
  const TaskError error = error_of(task);
  const bool done = task.state == TaskState::kSucceeded;
  const Millis duration =
      made.output != nullptr && made.output->facts ? made.output->facts->duration : 0;
  json::object o;
  o["bucket"] = made.bucket;
  o["create_time"] = seconds(task.created);
  o["dst_bitrate"] = done ? kilobits(made.size, duration) : 0.0;
  o["err_code"] = error.code;
  o["err_message"] = done ? "success" : error.message;
  o["finish_time"] = seconds(task.finished);
  o["input"] = task.spec.input;
  o["input_url"] = input_link(service, task, base);
  o["objkey"] = made.key;
  o["output"] = made.url;
  o["output_url"] = output_link(service, task, made, base);
  o["region"] = made.region;
  o["region_type"] = made.region_type;
  // A task that waits again, after a failure, may know its source.
  const bool looked = task.source && task.state >= TaskState::kRunning;
  o["src_bitrate"] = looked ? kilobits(task.source->size, task.source->duration) : 0.0;
  o["status"] = status_word(task.state, Generation::kSigned);
  o["task_id"] = task.id.hex();
  o["template_id"] = remembered.template_id;
  o["template_name"] = remembered.template_name;
  return o;
}

double to_kilobits(std::int64_t bits) {
  return static_cast<double>(bits) / 1000.0;
}

/// source_… or output_…: what is known of a file.
void add_facts(json::object& o, const std::string& side, const MediaFacts* facts,
               std::int64_t size) {
  const VideoFacts* video = facts != nullptr ? facts->main_video() : nullptr;
  const AudioFacts* audio = facts != nullptr ? facts->main_audio() : nullptr;
  o[side + "_bitrate"] = facts != nullptr ? kilobits(size, facts->duration) : 0.0;
  o[side + "_size"] = size;
  o[side + "_resolution"] =
      video != nullptr ? std::to_string(video->width) + "x" + std::to_string(video->height) : "";
  o[side + "_framerate"] = video != nullptr ? video->frame_rate.value() : 0.0;
  o[side + "_video_codec"] = video != nullptr ? video->codec : "";
  o[side + "_audio_codec"] = audio != nullptr ? audio->codec : "";
  if (side == "source") {
    o["source_video_bitrate"] = video != nullptr ? to_kilobits(video->bitrate) : 0.0;
    o["source_audio_bitrate"] = audio != nullptr ? to_kilobits(audio->bitrate) : 0.0;
    return;
  }
  o["output_audio_samplerate"] = audio != nullptr ? std::to_string(audio->sample_rate) : "";
  o["output_media_size"] = size;
}

std::string_view format_of(const Task& task, const Deliverable& made) {
  if (made.output == nullptr) return "";
  if (made.output->type == OutputType::kHls) return "hls";
  const auto spec = std::ranges::find(task.spec.outputs, made.output->name, &OutputSpec::name);
  return spec != task.spec.outputs.end() ? name_of(spec->container) : "mp4";
}

json::object basic_document(const Task& task) {
  const Deliverable made = deliverable_of(task);
  const Remembered remembered = remembered_of(task);
  const TaskError error = error_of(task);
  const bool done = task.state == TaskState::kSucceeded;
  const MediaFacts* source = task.source ? &*task.source : nullptr;
  const MediaFacts* output =
      done && made.output != nullptr && made.output->facts ? &*made.output->facts : nullptr;
  const std::int64_t source_size = source != nullptr ? source->size : 0;
  const std::int64_t output_size = done ? made.size : 0;
  json::object o;
  o["task_id"] = task.id.hex();
  o["input"] = task.spec.input;
  o["output"] = made.url;
  o["template_name"] = remembered.template_name;
  o["storage_id"] = task.spec.destination ? task.spec.destination->storage : "";
  o["region"] = made.region;
  o["status"] = status_word(task.state, Generation::kBasic);
  o["message"] = done ? "success" : error.message;
  o["code"] = error.code;
  o["created_time"] = seconds(task.created);
  o["started_time"] = seconds(task.started);
  o["finished_time"] = seconds(task.finished);
  o["duration"] = source != nullptr ? static_cast<double>(source->duration) / 1000.0 : 0.0;
  o["progress"] = static_cast<int>(std::floor(task.progress * 100 + 1e-9));
  add_facts(o, "source", source, source_size);
  add_facts(o, "output", output, output_size);
  o["format"] = format_of(task, made);
  o["ratio"] =
      source_size > 0 ? static_cast<double>(output_size) / static_cast<double>(source_size) : 0.0;
  const bool ended = task.finished > 0 && task.started > 0;
  o["spend_time"] = ended ? static_cast<double>(task.finished - task.started) / 1000.0 : 0.0;
  o["encrypt_info"] = "";
  o["custom_info"] = remembered.custom_info;
  o["output_groups"] = json::array{json::object{{"custom_name", ""},
                                                {"format", format_of(task, made)},
                                                {"seg_type", ""},
                                                {"seg_time", 0},
                                                {"output", made.url}}};
  return o;
}

}  // namespace

json::object to_json(const Remembered& remembered) {
  return {{"template_id", remembered.template_id},
          {"template_name", remembered.template_name},
          {"custom_info", remembered.custom_info}};
}

Remembered remembered_of(const Task& task) {
  const json::value* dialect = task.spec.options.if_contains("dialect");
  if (task.origin != kOrigin || dialect == nullptr) {
    return {"", task.spec.template_name, ""};
  }
  const LooseReader in(*dialect);
  return {in.text("template_id"), in.text("template_name"), in.text("custom_info")};
}

std::string_view status_word(TaskState state, Generation generation) {
  for (const StateRow& row : kStates) {
    if (row.state != state) continue;
    return generation == Generation::kBasic ? row.basic_word : row.signed_word;
  }
  return "";
}

std::vector<TaskState> states_of(std::string_view word) {
  std::vector<TaskState> states;
  for (const StateRow& row : kStates) {
    if (row.signed_word == word || row.basic_word == word) states.push_back(row.state);
  }
  return states;
}

TaskError error_of(const Task& task) {
  if (task.state != TaskState::kFailed && task.state != TaskState::kCancelled) return {};
  const ErrorCode code = task.error ? task.error->code : ErrorCode::kInternal;
  for (const ErrorRow& row : kTaskErrors) {
    if (row.error == code) return {row.code, row.message};
  }
  return {kTaskErrors.front().code, kTaskErrors.front().message};
}

json::object task_document(Service& service, const Task& task, Generation generation,
                           const std::string& base) {
  if (generation == Generation::kBasic) return basic_document(task);
  return signed_document(service, task, base);
}

std::string callback_body(const Task& task) {
  const bool done = task.state == TaskState::kSucceeded;
  const std::string_view word = status_word(task.state, Generation::kBasic);
  json::object item{{"task_id", task.id.hex()}, {"status", word}};
  if (done) {
    const Deliverable made = deliverable_of(task);
    item["input"] = task.spec.input;
    item["output"] = made.url;
    item["format"] = format_of(task, made);
    item["duration"] = task.source ? static_cast<double>(task.source->duration) / 1000.0 : 0.0;
    item["spend_time"] = static_cast<double>(task.finished - task.started) / 1000.0;
  } else {
    const TaskError error = error_of(task);
    item["error_code"] = error.code;
    item["error_msg"] = error.message;
  }
  return render(json::object{{"code", 0},
                             {"msg", word},
                             {"callback_url", task.spec.callback_url},
                             {"data", json::array{std::move(item)}}});
}

}  // namespace telecine::visionular
