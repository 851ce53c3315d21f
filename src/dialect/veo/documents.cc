#include "dialect/veo/documents.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "dialect/veo/errors.h"

namespace telecine::veo {
namespace {

struct StateRow {
  TaskState state;
  std::string_view outer;
  std::string_view inner;
  int least;  ///< percent shown in this state
  int most;
};
constexpr auto kStates = std::to_array<StateRow>({
    {TaskState::kQueued, "NOT_START", "pending", 0, 0},
    {TaskState::kDownloading, "SUBMITTED", "image_downloading", 1, 9},
    {TaskState::kRunning, "IN_PROGRESS", "video_generating", 10, 94},
    {TaskState::kUploading, "IN_PROGRESS", "video_generation_completed", 95, 99},
    {TaskState::kSucceeded, "SUCCESS", "completed", 100, 100},
    {TaskState::kFailed, "FAILURE", "failed", 100, 100},
    {TaskState::kCancelled, "FAILURE", "failed", 100, 100},
});

constexpr std::string_view kAction = "google-videos";
constexpr std::string_view kNotice =
    "placeholder drawn by the server; no generative model was used";

std::int64_t seconds(Millis at) {
  return at / 1000;
}

/// When a running generation reached a stage; 0 not yet.
Millis reached(const Task& task, std::string_view stage) {
  const auto* record = task.result.if_contains(kGenerationMember);
  const auto* times = record != nullptr ? LooseReader(*record).at("times") : nullptr;
  return times != nullptr ? LooseReader(*times).integer(stage) : 0;
}

/// The provider's video is here and is made larger.
bool is_upsampling(const Task& task) {
  return task.state == TaskState::kRunning && reached(task, "copied") > 0 &&
         generation_of(task.spec).upscale;
}

/// When the task got into the state that is shown.
Millis changed_at(const Task& task) {
  if (is_final(task.state)) return task.finished;
  if (task.state == TaskState::kQueued) return task.created;
  if (task.state == TaskState::kDownloading) return task.started;
  return std::max(task.started, reached(task, is_upsampling(task) ? "copied" : "prepared"));
}

std::string video_url(const Service& service, const Task& task, const std::string& base) {
  if (task.state != TaskState::kSucceeded) return {};
  for (const Output& output : task.outputs) {
    if (output.files.empty() || output.state != OutputState::kSucceeded) continue;
    return service.lasting_url_of(task, output.files.front().url, base);
  }
  return {};
}

}  // namespace

std::string uuid_of(Id id) {
  std::string text = id.hex();
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

std::optional<Id> id_from(std::string_view text) {
  constexpr std::size_t kUuid = 36;
  std::string plain = lower(text);
  if (plain.size() == kUuid) {
    for (const std::size_t at : {23U, 18U, 13U, 8U}) {
      if (plain[at] != '-') return std::nullopt;
      plain.erase(at, 1);
    }
  }
  return Id::from_hex(plain);
}

Status status_of(const Task& task) {
  const auto at = std::ranges::find(kStates, task.state, &StateRow::state);
  const StateRow& row = at == kStates.end() ? kStates.back() : *at;
  const int percent = static_cast<int>(std::floor(task.progress * 100));
  return {row.outer, is_upsampling(task) ? "video_upsampling" : row.inner,
          std::clamp(percent, row.least, row.most)};
}

json::object inner_document(const Service& service, const Task& task, const std::string& base) {
  json::object o;
  o["id"] = uuid_of(task.id);
  o["status"] = status_of(task).inner;
  o["video_url"] = video_url(service, task, base);
  o["status_update_time"] = changed_at(task);
  if (is_placeholder(task.spec)) {
    o["placeholder"] = true;
    o["provider"] = kAnimaticShort;
    o["notice"] = kNotice;
  }
  return o;
}

json::object video_document(const Service& service, const Task& task, const std::string& base) {
  json::object o = inner_document(service, task, base);
  o["enhanced_prompt"] = "";
  return o;
}

json::object task_document(const Service& service, const Task& task, const std::string& base) {
  const Status status = status_of(task);
  json::object o;
  o["task_id"] = uuid_of(task.id);
  o["notify_hook"] = task.spec.callback_url;
  o["action"] = kAction;
  o["status"] = status.outer;
  o["fail_reason"] = fail_reason(task);
  o["submit_time"] = seconds(task.created);
  o["start_time"] = seconds(task.started);
  o["finish_time"] = seconds(task.finished);
  o["progress"] = std::to_string(status.percent) + "%";
  o["data"] = inner_document(service, task, base);
  return o;
}

json::object envelope(json::value data) {
  return {{"code", "success"}, {"message", ""}, {"data", std::move(data)}};
}

json::object flat_document(const Service& service, const Task& task, const std::string& base) {
  json::object o = task_document(service, task, base);
  o["platform"] = "google";
  json::object& inner = o["data"].as_object();
  inner["output"] = inner["video_url"];
  return o;
}

}  // namespace telecine::veo
