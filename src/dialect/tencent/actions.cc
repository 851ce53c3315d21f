#include <algorithm>
#include <array>

#include "base/text.h"
#include "dialect/tencent/errors.h"
#include "dialect/tencent/front.h"
#include "dialect/tencent/ids.h"
#include "dialect/tencent/requests.h"

namespace telecine::tencent {
namespace {

/// Why the engine did not take a request that was well formed.
int submit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidParameter:
    case ErrorCode::kInputForbidden:
    case ErrorCode::kUnsupported:
      return error.field == "callback_url" ? code::kTaskInternal : code::kInvalidParameter;
    case ErrorCode::kUnavailable:
      return code::kUnavailable;
    default:
      return code::kTaskInternal;
  }
}

void submit(const Call& call, Ordered order) {
  if (!order) return call.refuse(order.error().number, order.error().message);
  call.api.service.submit(call.caller, std::move(*order), [call](Result<Submitted> submitted) {
    if (!submitted) {
      return call.refuse(submit_code(submitted.error()), submitted.error().message);
    }
    call.respond(success({{"vodTaskId", vendor_task_id(call.view(), *submitted->task)}}));
  });
}

void run_procedure(const Call& call) {
  submit(call, run_procedure_request(call));
}
void process_file(const Call& call) {
  submit(call, process_file_request(call));
}
void convert_vod_file(const Call& call) {
  submit(call, convert_request(call));
}
void clip_video(const Call& call) {
  submit(call, clip_request(call));
}

void get_task_info(const Call& call) {
  const std::string text = call.arguments.text("vodTaskId");
  if (text.empty()) return call.refuse(code::kInvalidParameter, "vodTaskId is missing");
  const auto id = task_id_from(text);
  if (!id) return call.refuse(code::kTaskNotFound);
  const auto task = call.api.service.get(call.caller, *id);
  if (!task && task.error().code != ErrorCode::kNotFound) return call.refuse(code::kTaskInternal);
  const View view = call.view();
  const bool there = task && is_shown(**task) && !is_too_old(**task, now_ms()) &&
                     vendor_task_id(view, **task) == text;
  if (!there) return call.refuse(code::kTaskNotFound);
  // Links change, and files of the library come and go, without the task: not for long, then.
  constexpr Millis kKept = 2000;
  const std::string variant = call.base + " " + std::to_string(view.app_id);
  const auto document = call.api.documents->get(*task, variant, now_ms() + kKept, [&] {
    return DocumentCache::Document{
        std::make_shared<const std::string>(success_text(task_info(view, **task))), {}};
  });
  call.respond(http::Response::cached(kAnswerType, document.body));
}

// --- GetTaskList ---

struct ListOrder {
  Status status = Status::kWaiting;
  std::optional<Id> file;
  bool no_such_file = false;
  std::size_t count = 10;
  std::int64_t before = 0;  ///< key of the last task of the page before; 0: from the newest
};

std::expected<ListOrder, Wrong> list_order(const Call& call) {
  const Arguments& arguments = call.arguments;
  ListOrder order;
  constexpr std::array kStatuses = {Status::kWaiting, Status::kProcessing, Status::kFinish};
  const std::string word = arguments.text("status");
  const auto status =
      std::ranges::find_if(kStatuses, [&](Status known) { return iequals(word, word_of(known)); });
  if (status == kStatuses.end()) {
    return std::unexpected(
        Wrong{code::kInvalidParameter, "status must be WAITING, PROCESSING or FINISH"});
  }
  order.status = *status;
  const auto count = arguments.integer("maxCount", 1, 100);
  if (!count) return std::unexpected(Wrong{code::kInvalidParameter, "maxCount must be 1 to 100"});
  order.count = static_cast<std::size_t>(count->value_or(10));
  if (const std::string next = arguments.text("next"); !next.empty()) {
    const auto before = next.starts_with('t') ? parse_int(next.substr(1)) : std::nullopt;
    if (!before || *before < 1) {
      return std::unexpected(Wrong{code::kInvalidParameter, "next is not of an earlier answer"});
    }
    order.before = *before;
  }
  if (const std::string id = arguments.text("fileId"); !id.empty()) {
    if (const auto file = find_file(call, id))
      order.file = file->id;
    else
      order.no_such_file = true;
  }
  return order;
}

/// The newest tasks of a status below a key, newest first.
Result<std::vector<TaskPtr>> newest(const Call& call, Status status, std::int64_t before,
                                    int limit) {
  std::vector<TaskPtr> tasks;
  for (const auto& [state, name] : kNames<TaskState>) {
    Task probe;
    probe.state = state;
    if (status_of(probe) != status) continue;
    auto page = call.api.service.list(call.caller, state, before, limit);
    if (!page) return std::unexpected(page.error());
    tasks.insert(tasks.end(), page->tasks.begin(), page->tasks.end());
  }
  std::ranges::sort(tasks, std::greater{}, [](const TaskPtr& task) { return task->id.key; });
  if (tasks.size() > static_cast<std::size_t>(limit)) tasks.resize(static_cast<std::size_t>(limit));
  return tasks;
}

struct Listed {
  std::vector<TaskPtr> tasks;
  std::int64_t next = 0;  ///< 0: the end
};

Result<Listed> collect(const Call& call, const ListOrder& order) {
  constexpr int kPage = 200;
  constexpr int kMostPages = 20;  // a call that finds little gives up and can be continued
  Listed listed;
  if (order.no_such_file) return listed;
  std::int64_t before = order.before;
  for (int page = 0; page < kMostPages; ++page) {
    const auto tasks = newest(call, order.status, before, kPage);
    if (!tasks) return std::unexpected(tasks.error());
    for (const TaskPtr& task : *tasks) {
      if (is_too_old(*task, now_ms())) return listed;
      if (is_shown(*task) && (!order.file || input_file(*task) == order.file)) {
        if (listed.tasks.size() == order.count) {
          listed.next = before;
          return listed;
        }
        listed.tasks.push_back(task);
      }
      before = task->id.key;
    }
    if (tasks->size() < kPage) return listed;
  }
  listed.next = before;
  return listed;
}

void get_task_list(const Call& call) {
  const auto order = list_order(call);
  if (!order) return call.refuse(order.error().number, order.error().message);
  const auto listed = collect(call, *order);
  if (!listed) return call.refuse(code::kTaskInternal);
  const View view = call.view();
  json::array entries;
  for (const TaskPtr& task : listed->tasks) entries.emplace_back(task_entry(view, *task));
  json::object data{{"status", word_of(order->status)},
                    {"next", listed->next > 0 ? "t" + std::to_string(listed->next) : ""},
                    {"taskList", std::move(entries)}};
  call.respond(success({{"data", std::move(data)}}));
}

constexpr std::array kActions = {
    Action{"ClipVideo", Scope::kWrite, clip_video},
    Action{"ConvertVodFile", Scope::kWrite, convert_vod_file},
    Action{"GetTaskInfo", Scope::kRead, get_task_info},
    Action{"GetTaskList", Scope::kRead, get_task_list},
    Action{"ProcessFile", Scope::kWrite, process_file},
    Action{"RunProcedure", Scope::kWrite, run_procedure},
};

}  // namespace

const Action* find_action(std::string_view name) {
  const auto at = std::ranges::find(kActions, name, &Action::name);
  return at == kActions.end() ? nullptr : &*at;
}

}  // namespace telecine::tencent
