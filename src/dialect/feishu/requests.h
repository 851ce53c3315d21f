#pragma once

#include <expected>
#include <optional>
#include <string>

#include "dialect/feishu/errors.h"
#include "task/export_spec.h"

namespace telecine::feishu {

/// Which meeting, and who in it, an export is about; looked up before the task is made.
struct Lookup {
  std::string meeting_no;
  MeetingStatus status = MeetingStatus::kEnded;
  std::int64_t start = 0;  ///< Unix seconds
  std::int64_t end = 0;
  std::optional<std::int64_t> join;  ///< the participant's first one
};

struct ExportRequest {
  ExportSpec spec;
  std::optional<Lookup> lookup;
};

/// The body of a call that makes an export of this kind. `who` says which ids `user_id` holds.
std::expected<ExportRequest, Violation> export_request_from(const json::object& body, Report report,
                                                            const UserRef& who, std::int64_t now_s);

/// The query's user_id_type; an open id when there is none.
std::expected<UserIdType, Violation> user_id_type_from(const http::Request& request);

/// A task id: 1 to 20 digits. Numbers that no task can have are 0.
std::expected<std::int64_t, Violation> task_number_from(std::string_view text);

}  // namespace telecine::feishu
