#include "dialect/feishu/documents.h"

namespace telecine::feishu {
namespace {

/// Why a task ended without a file, in words that give nothing away.
std::string_view fail_message(const Task& task) {
  constexpr std::pair<ErrorCode, std::string_view> kMessages[] = {
      {ErrorCode::kCancelled, "task cancelled"},
      {ErrorCode::kOutOfSpace, "storage error"},
      {ErrorCode::kStorageUnavailable, "storage error"},
      {ErrorCode::kStorageDenied, "no permission"}};
  if (task.state == TaskState::kCancelled) return "task cancelled";
  for (const auto& [code, message] : kMessages) {
    if (task.error && task.error->code == code) return message;
  }
  return "internal error";
}

ExportStatus status_of(const Task& task) {
  if (!is_final(task.state)) return ExportStatus::kProcessing;
  return workbook_of(task) == nullptr ? ExportStatus::kFailed : ExportStatus::kFinished;
}

}  // namespace

const OutputFile* workbook_of(const Task& task) {
  if (task.state != TaskState::kSucceeded || task.outputs.empty()) return nullptr;
  const auto& files = task.outputs.front().files;
  return files.empty() ? nullptr : &files.front();
}

json::object export_data(const Task& task, std::string_view download, std::string_view file_token) {
  const ExportStatus status = status_of(task);
  json::object data{{"status", static_cast<int>(status)}};
  if (status == ExportStatus::kFailed) data["fail_msg"] = fail_message(task);
  if (status == ExportStatus::kFinished) {
    data["url"] = std::string(download).append(file_token);
    data["file_token"] = file_token;
  }
  return data;
}

std::string workbook_name(const Task& task) {
  return task.outputs.front().name + "_" + std::to_string(task.id.key) + ".xlsx";
}

}  // namespace telecine::feishu
