#include <algorithm>
#include <set>

#include "dialect/visionular/documents.h"
#include "dialect/visionular/routes.h"
#include "dialect/visionular/summary.h"

namespace telecine::visionular {
namespace {

constexpr std::int64_t kMostCount = 1000;
constexpr std::int64_t kUsualCount = 50;
/// Later than any time in seconds that somebody means: 5138.
constexpr std::int64_t kSurelyMillis = 100'000'000'000;

/// Which tasks are asked for, in seconds; both ends belong to it.
struct Window {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::vector<TaskState> states;  ///< none: all
};

std::int64_t as_seconds(std::int64_t time) {
  return time > kSurelyMillis ? time / 1000 : time;
}

Answer<Window> window_from(const Parameters& parameters) {
  if (auto ok = parameters.need({"start_time", "end_time"}); !ok) {
    return std::unexpected(ok.error());
  }
  const auto start = parameters.required_integer("start_time");
  if (!start) return std::unexpected(start.error());
  const auto end = parameters.required_integer("end_time");
  if (!end) return std::unexpected(end.error());
  Window window{as_seconds(*start), as_seconds(*end), {}};
  if (window.end < window.start) return refuse(Code::kBad, "end_time is before start_time");
  const auto status = parameters.text("status");
  if (!status) return std::unexpected(status.error());
  if (!*status) return window;
  window.states = states_of(**status);
  if (window.states.empty()) return refuse(Code::kBad, "status is none of the known words");
  return window;
}

/// Which of them are shown.
struct Page {
  std::int64_t skip = 0;
  std::int64_t count = kUsualCount;
};

/// The first of two spellings that is there.
Answer<std::optional<std::int64_t>> either(const Parameters& parameters, std::string_view name,
                                           std::string_view synonym) {
  auto value = parameters.integer(name);
  return value && !*value ? parameters.integer(synonym) : value;
}

Answer<Page> page_from(const Parameters& parameters) {
  const auto skip = either(parameters, "start_num", "skip");
  if (!skip) return std::unexpected(skip.error());
  const auto count = either(parameters, "count", "limit");
  if (!count) return std::unexpected(count.error());
  const Page part{skip->value_or(0), count->value_or(kUsualCount)};
  if (part.skip < 0) return refuse(Code::kBad, "start_num must not be negative");
  if (part.count >= 1 && part.count <= kMostCount) return part;
  return refuse(Code::kBad, "count must be from 1 to 1000");
}

bool fits(const Task& task, const Window& window) {
  return task.created / 1000 <= window.end &&
         (window.states.empty() ||
          std::ranges::find(window.states, task.state) != window.states.end());
}

/// The newest come first.
Answer<std::vector<TaskPtr>> tasks_in(const Call& call, const Window& window) {
  constexpr int kAtOnce = 500;
  auto records = call.api.service.store().list_records(kHiddenTask, call.caller.account());
  if (!records) return std::unexpected(refusal_of(records.error()));
  std::set<std::string> hidden;
  for (const auto& [id, record] : *records) hidden.insert(id);
  std::vector<TaskPtr> found;
  for (std::int64_t cursor = 0;;) {
    auto page = call.api.service.list(call.caller, std::nullopt, cursor, kAtOnce);
    if (!page) return std::unexpected(refusal_of(page.error()));
    for (const TaskPtr& task : page->tasks) {
      if (task->created / 1000 < window.start) return found;
      if (fits(*task, window) && !hidden.contains(task->id.hex())) found.push_back(task);
    }
    if (page->next == 0) return found;
    cursor = page->next;
  }
}

void list_tasks(const Call& call) {
  const auto window = window_from(call.parameters);
  if (!window) return call.fail(window.error());
  const auto part = page_from(call.parameters);
  if (!part) return call.fail(part.error());
  const auto tasks = tasks_in(call, *window);
  if (!tasks) return call.fail(tasks.error());
  const auto total = static_cast<std::int64_t>(tasks->size());
  const std::int64_t first = std::min(part->skip, total);
  const std::int64_t end = first + std::min(part->count, total - first);
  json::array items;
  for (std::int64_t i = first; i < end; ++i) {
    items.emplace_back(task_document(call.api.service, *(*tasks)[static_cast<std::size_t>(i)],
                                     call.generation, call.base));
  }
  const auto count = items.size();
  call.succeed(json::object{{"list", std::move(items)}, {"num", count}, {"total", total}});
}

/// Hours ago.
Answer<Window> summary_window(const Parameters& parameters) {
  constexpr std::int64_t kUsualStart = 48;
  constexpr std::int64_t kUsualEnd = 24;
  constexpr std::int64_t kMostHours = 24LL * 366 * 100;
  const auto start = parameters.integer("start_time");
  if (!start) return std::unexpected(start.error());
  const auto end = parameters.integer("end_time");
  if (!end) return std::unexpected(end.error());
  const std::int64_t from = start->value_or(kUsualStart);
  const std::int64_t to = end->value_or(kUsualEnd);
  if (from < to || to < 0 || from > kMostHours) {
    return refuse(Code::kBad, "start_time and end_time are hours ago, start_time the more");
  }
  const auto granularity = parameters.text("time_granularity");
  if (!granularity) return std::unexpected(granularity.error());
  if (granularity->value_or("hourly") != "hourly") {
    return refuse(Code::kBad, "time_granularity must be hourly");
  }
  const std::int64_t now = now_ms() / 1000;
  return Window{now - from * kHour, now - to * kHour, {TaskState::kSucceeded}};
}

void summarise(const Call& call) {
  const auto window = summary_window(call.parameters);
  if (!window) return call.fail(window.error());
  const auto tasks = tasks_in(call, *window);
  if (!tasks) return call.fail(tasks.error());
  call.succeed(summary_document(*tasks));
}

}  // namespace

void mount_lists(http::Router& router, Api& api) {
  add_call(router, api, http::Method::kGet, "list_task", Scope::kRead, list_tasks);
  add_call(router, api, http::Method::kGet, "list_summary", Scope::kRead, summarise);
}

}  // namespace telecine::visionular
