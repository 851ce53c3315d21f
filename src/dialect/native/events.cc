#include <atomic>
#include <mutex>

#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/routes.h"
#include "http/event_stream.h"

namespace telecine::native {
namespace {

/// One subscriber: what has happened, page by page, then what happens. Each durable event comes
/// once and in order. Whoever reads too slowly for what happens falls back to reading pages.
class Subscriber : public std::enable_shared_from_this<Subscriber> {
 public:
  Subscriber(Api& api, std::string account, std::optional<Id> task, std::string base)
      : api_(api), account_(std::move(account)), task_(task), base_(std::move(base)) {}

  std::shared_ptr<http::EventStream> stream() const { return stream_; }

  /// Subscribes before it reads the past, so that nothing falls between. `after`: the last event
  /// the client has.
  void start(std::optional<std::int64_t> after) {
    auto self = shared_from_this();
    live_ = !task_ && !after;
    sent_ = after.value_or(0);
    stream_->on_room([self] { self->catch_up(); });
    const auto subscription = api_.service.watch().subscribe(
        account_, task_, [self](const Change& change) { self->on_change(change); });
    stream_->on_closed(
        [&watch = api_.service.watch(), subscription] { watch.unsubscribe(subscription); });
    if (task_ && !after) {
      const auto current = api_.service.store().get(*task_);
      if (!current) return stream_->close();
      send_task(nullptr, **current);
      sent_ = (*current)->version;
    }
    if (task_ || after) catch_up();
  }

 private:
  /// On the connection's thread only. The store is read without the lock, so that nobody who has
  /// news waits for it.
  void catch_up() {
    while (!stream_->closed()) {
      missed_ = false;
      const bool ended = has_ended();
      const auto events = next_page();
      if (!events) return stream_->close();
      for (const Event& event : *events) {
        const auto task = api_.service.store().get(event.task);
        if (task && !send_task(&event, **task)) return;
        sent_ = event.seq;
      }
      if (!events->empty()) continue;
      if (ended) return stream_->close();
      const std::lock_guard lock(mutex_);
      live_ = !missed_;
      if (live_) return;
    }
  }

  /// After a task's end nothing follows but what is stored.
  bool has_ended() const {
    if (!task_) return false;
    const auto task = api_.service.store().get(*task_);
    return !task || is_final((*task)->state);
  }

  Result<std::vector<Event>> next_page() const {
    constexpr int kPage = 200;
    if (!task_) return api_.service.store().events_after(sent_, account_, kPage);
    auto events = api_.service.store().history(*task_);
    if (events) std::erase_if(*events, [&](const Event& event) { return event.seq <= sent_; });
    return events;
  }

  void on_change(const Change& change) {
    const std::lock_guard lock(mutex_);
    if (change.events.empty()) {
      stream_->push("", "progress", json::serialize(progress_document(*change.task)), true);
      return;
    }
    if (!live_) {
      missed_ = true;
      return;
    }
    for (const Event& event : change.events) {
      if (event.seq <= sent_) continue;
      live_ = send_task(&event, *change.task);
      if (!live_) return;
      sent_ = event.seq;
    }
    if (task_ && is_final(change.task->state)) stream_->close();
  }

  bool send_task(const Event* event, const Task& task) {
    std::string data = R"({"event":)";
    data += event != nullptr ? json::serialize(to_json(*event)) : "null";
    data += R"(,"task":)" + task_text(api_.service, task, base_) + "}";
    const auto seq = event != nullptr ? event->seq : task.version;
    return stream_->push(std::to_string(seq), "task", data, false);
  }

  Api& api_;
  std::string account_;
  std::optional<Id> task_;
  std::string base_;
  std::shared_ptr<http::EventStream> stream_ = std::make_shared<http::EventStream>();
  std::mutex mutex_;  ///< guards live_ and, while it is set, sent_
  bool live_ = false;
  std::int64_t sent_ = 0;
  std::atomic<bool> missed_ = false;  ///< something happened that is to be read
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
