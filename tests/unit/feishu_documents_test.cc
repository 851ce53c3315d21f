#include "dialect/feishu/documents.h"

#include <gtest/gtest.h>

#include "dialect/feishu/errors.h"
#include "task/export_spec.h"

namespace telecine::feishu {
namespace {

constexpr std::string_view kDownload =
    "http://telecine.example:8080/open-apis/vc/v1/exports/download?file_token=";
constexpr std::string_view kFile = "ftQm3kZ8b1sYw0Pp7LxN4c";

Task task_in(TaskState state) {
  Task task;
  task.id = {42, 7};
  task.origin = "feishu";
  task.state = state;
  return task;
}

Task finished_task(Report report) {
  Task task = task_in(TaskState::kSucceeded);
  Output output;
  output.name = name_of(report);
  output.files.push_back({.name = output.name + ".xlsx", .url = "", .type = "", .md5 = ""});
  task.outputs.push_back(std::move(output));
  return task;
}

std::string data_of(const Task& task) {
  return json::serialize(export_data(task, kDownload, kFile));
}

TEST(FeishuDocument, WhatHasNotEndedIsProcessed) {
  for (const auto state :
       {TaskState::kQueued, TaskState::kDownloading, TaskState::kRunning, TaskState::kUploading}) {
    EXPECT_EQ(data_of(task_in(state)), R"({"status":1})");
  }
}

TEST(FeishuDocument, AFinishedExportOfEachKindHasItsFile) {
  const std::pair<Report, std::string_view> kNames[] = {
      {Report::kMeetings, "meeting_list_42.xlsx"},
      {Report::kParticipants, "participant_list_42.xlsx"},
      {Report::kQuality, "participant_quality_list_42.xlsx"},
      {Report::kReservations, "resource_reservation_list_42.xlsx"}};
  for (const auto& [report, name] : kNames) {
    const Task task = finished_task(report);
    EXPECT_EQ(
        data_of(task),
        R"({"status":3,"url":"http://telecine.example:8080/open-apis/vc/v1/exports/)"
        R"(download?file_token=ftQm3kZ8b1sYw0Pp7LxN4c","file_token":"ftQm3kZ8b1sYw0Pp7LxN4c"})");
    EXPECT_EQ(workbook_name(task), name);
  }
}

TEST(FeishuDocument, AnExportThatFailedSaysWhyAndGivesNothingAway) {
  EXPECT_EQ(data_of(task_in(TaskState::kCancelled)), R"({"status":2,"fail_msg":"task cancelled"})");
  const std::pair<ErrorCode, std::string_view> kReasons[] = {
      {ErrorCode::kStorageDenied, R"({"status":2,"fail_msg":"no permission"})"},
      {ErrorCode::kStorageUnavailable, R"({"status":2,"fail_msg":"storage error"})"},
      {ErrorCode::kOutOfSpace, R"({"status":2,"fail_msg":"storage error"})"},
      {ErrorCode::kCancelled, R"({"status":2,"fail_msg":"task cancelled"})"},
      {ErrorCode::kWorkerLost, R"({"status":2,"fail_msg":"internal error"})"},
      {ErrorCode::kInternal, R"({"status":2,"fail_msg":"internal error"})"}};
  for (const auto& [code, document] : kReasons) {
    Task task = task_in(TaskState::kFailed);
    task.error = Error{code, "/var/lib/telecine/objects: secret details", {}};
    EXPECT_EQ(data_of(task), document);
  }
}

TEST(FeishuDocument, EveryFaultHasItsStatusCodeAndText) {
  struct Row {
    Fault fault;
    int status;
    int code;
    std::string_view message;
  };
  constexpr std::string_view kInvalid =
      "Invalid access token for authorization. Please make a request with token attached.";
  const Row kRows[] = {
      {Fault::kMissingToken, 400, 99991661,
       "Missing access token for authorization. Please make a request with token attached."},
      {Fault::kBadTenantToken, 400, 99991663, kInvalid},
      {Fault::kBadUserToken, 400, 99991668, kInvalid},
      {Fault::kUserTokenExpired, 400, 99991677, "token expire"},
      {Fault::kBadAppToken, 400, 99991664, "invalid app token"},
      {Fault::kBadTokenKind, 400, 99991671, "Invalid token: must start with t-/u-"},
      {Fault::kTooMany, 429, 99991400, "request trigger frequency limit"},
      {Fault::kBadBody, 400, 9499, "Bad Request"},
      {Fault::kInternal, 500, 121001, "internal error"},
      {Fault::kNotSupported, 400, 121002, "not support"},
      {Fault::kBadParameter, 400, 121003, "param error"},
      {Fault::kNotThere, 404, 121004, "data not exist"},
      {Fault::kNoPermission, 403, 121005, "no permission"}};
  for (const Row& row : kRows) {
    const FaultRow& known = row_of(row.fault);
    EXPECT_EQ(known.status, row.status);
    EXPECT_EQ(known.code, row.code);
    EXPECT_EQ(known.message, row.message);
  }
}

}  // namespace
}  // namespace telecine::feishu
