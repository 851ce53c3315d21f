#include <mutex>

#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/routes.h"
#include "http/event_stream.h"

namespace telecine::native {
namespace {

/// One subscriber: history first, then what happens, each durable event once and in order.
class Subscriber : public std::enable_shared_from_this<Subscriber> {
 public:
  Subscriber(Api& api, std::string account, std::optional<Id> task, std::string base)
      : api_(api), account_(std::move(account)), task_(task), base_(std::move(base)) {}

  std::shared_ptr<http::EventStream> stream() const { return stream_; }

  /// Subscribes before it reads the past, so that nothing falls between. The past is read without
  /// the lock, so that nobody who has news waits for it. `after`: the last event the client has.
  void start(std::optional<std::int64_t> after) {
    auto self = shared_from_this();
    const auto subscription = api_.service.watch().subscribe(
        account_, task_, [self](const Change& change) { self->on_change(change); });
    stream_->on_closed(
        [&watch = api_.service.watch(), subscription] { watch.unsubscribe(subscription); });
    TaskState state = TaskState::kQueued;
    if (task_) {
      const auto current = api_.service.store().get(*task_);
      if (!current) return stream_->close();
      state = (*current)->state;
      if (after)
        send_history(*after);
      else
        send_task(nullptr, **current);
      sent_ = std::max(sent_, (*current)->version);
    } else if (after) {
      catch_up(*after);
    }
    const std::lock_guard lock(mutex_);
    live_ = true;
    for (const Change& change : early_) deliver(change);
    early_.clear();
    if (is_final(state)) stream_->close();
  }

 private:
  void on_change(const Change& change) {
    const std::lock_guard lock(mutex_);
    if (live_)
      deliver(change);
    else
      early_.push_back(change);
  }

  void send_history(std::int64_t after) {
    const auto events = api_.service.store().history(*task_);
    if (!events) return;
    for (const Event& event : *events) {
      if (event.seq > after) send_event(event);
    }
  }

  void catch_up(std::int64_t after) {
    constexpr int kPage = 500;
    sent_ = after;
    while (!stream_->closed()) {
      const auto events = api_.service.store().events_after(sent_, account_, kPage);
      if (!events || events->empty()) return;
      for (const Event& event : *events) {
        sent_ = event.seq;
        send_event(event);
      }
    }
  }

  void send_event(const Event& event) {
    const auto task = api_.service.store().get(event.task);
    if (task) send_task(&event, **task);
  }

  void deliver(const Change& change) {
    if (change.events.empty()) {
      stream_->push("", "progress", json::serialize(progress_document(*change.task)), true);
      return;
    }
    for (const Event& event : change.events) {
      if (event.seq <= sent_) continue;
      sent_ = event.seq;
      send_task(&event, *change.task);
    }
    if (task_ && is_final(change.task->state)) stream_->close();
  }

  void send_task(const Event* event, const Task& task) {
    std::string data = R"({"event":)";
    data += event != nullptr ? json::serialize(to_json(*event)) : "null";
    data += R"(,"task":)" + task_text(api_.service, task, base_) + "}";
    const auto seq = event != nullptr ? event->seq : task.version;
    stream_->push(std::to_string(seq), "task", data, false);
  }

  Api& api_;
  std::string account_;
  std::optional<Id> task_;
  std::string base_;
  std::shared_ptr<http::EventStream> stream_ = std::make_shared<http::EventStream>(1024);
  std::mutex mutex_;
  std::int64_t sent_ = 0;
  bool live_ = false;
  std::vector<Change> early_;
};

void open_stream(Api& api, Call& call, std::optional<Id> task) {
  const auto last = call.request.headers.get("last-event-id");
  const auto after = parse_int(last);
  if (!last.empty() && (!after || *after < 0)) {
    return call.respond(problem({ErrorCode::kInvalidParameter,
                                 "must be the id of an event this server sent", "Last-Event-ID"}));
  }
  auto subscriber =
      std::make_shared<Subscriber>(api, call.caller.account(), task, base_url(api, call.request));
  call.respond(http::Response::events(subscriber->stream()));
  subscriber->start(after);
}

}  // namespace

void mount_events(http::Router& router, Api& api) {
  using http::Method;
  router.add(Method::kGet, "/api/v1/events", guarded(api, Scope::kRead, [&api](Call& call) {
               open_stream(api, call, std::nullopt);
             }));
  router.add(Method::kGet, "/api/v1/tasks/{id}/events",
             guarded(api, Scope::kRead, [&api](Call& call) {
               const auto id = id_of(call);
               if (!id) return;
               auto task = api.service.get(call.caller, *id);
               if (!task) return call.respond(problem(task.error()));
               open_stream(api, call, id);
             }));
}

}  // namespace telecine::native
