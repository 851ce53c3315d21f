#pragma once

#include "base/json.h"
#include "store/packed_view.h"
#include "store/sqlite.h"
#include "task/records.h"
#include "task/task.h"

namespace telecine::sqlite {

inline constexpr const char* kTaskByKey =
    "SELECT random, version, view, rest FROM task WHERE key = ?1";

/// A row of kTaskByKey.
inline Result<TaskPtr> task_row(const Statement& row, std::int64_t key) {
  const auto text = unpack_view(row.blob(2));
  if (!text) return std::unexpected(text.error());
  const auto view = parse_json(*text);
  const auto rest = parse_json(row.text(3));
  if (!view || !rest) return fail(ErrorCode::kInternal, "a stored task is not JSON");
  auto task =
      task_from(*view, *rest, {key, static_cast<std::uint64_t>(row.integer(0))}, row.integer(1));
  if (!task) return std::unexpected(task.error());
  return std::make_shared<const Task>(std::move(*task));
}

inline constexpr const char* kEventsAfter =
    "SELECT seq, task, random, account, at, type, state, error FROM event "
    "WHERE seq > ?1 AND (?2 = '' OR account = ?2) ORDER BY seq LIMIT ?3";

/// Of the event that a task entered a state.
inline std::string event_type(TaskState state) {
  return "task." + std::string(name_of(state));
}

/// A row of the event table, columns as in kEventsAfter.
inline Event event_row(const Statement& row) {
  Event event;
  event.seq = row.integer(0);
  event.task = {row.integer(1), static_cast<std::uint64_t>(row.integer(2))};
  event.account = row.text(3);
  event.at = row.integer(4);
  event.type = row.text(5);
  event.state = static_cast<TaskState>(row.small(6));
  if (!row.is_null(7)) {
    if (const auto error = parse_json(row.text(7))) event.error = error_from(*error);
  }
  return event;
}

}  // namespace telecine::sqlite
