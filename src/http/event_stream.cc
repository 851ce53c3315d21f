#include "http/event_stream.h"

#include <algorithm>
#include <utility>

namespace telecine::http {
namespace {

void append_line(std::string& out, std::string_view field, std::string_view value) {
  out.append(field).append(": ");
  for (const char c : value) {
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  out += '\n';
}

}  // namespace

std::shared_ptr<const std::string> EventStream::format(std::string_view id, std::string_view event,
                                                       std::string_view data) {
  auto out = std::make_shared<std::string>();
  out->reserve(id.size() + event.size() + data.size() + 32);
  if (!id.empty()) append_line(*out, "id", id);
  if (!event.empty()) append_line(*out, "event", event);
  for (;;) {
    const auto end = std::min(data.find_first_of("\r\n"), data.size());
    append_line(*out, "data", data.substr(0, end));
    if (end == data.size()) break;
    data.remove_prefix(data.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
  }
  *out += '\n';
  return out;
}

bool EventStream::push(std::string_view id, std::string_view event, std::string_view data,
                       bool droppable) {
  return push(format(id, event, data), droppable);
}

bool EventStream::push(std::shared_ptr<const std::string> message, bool droppable) {
  std::shared_ptr<const std::function<void()>> wake;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (make_room()) {
      queue_.push_back({std::move(message), droppable});
    } else if (droppable) {
      ++dropped_;
    } else {
      refused_ = true;
      return false;
    }
    if (!woken_) wake = wake_;
    woken_ = true;
  }
  if (wake) (*wake)();
  return true;
}

bool EventStream::make_room() {
  if (queue_.size() < capacity_) return true;
  const auto oldest = std::ranges::find(queue_, true, &Message::droppable);
  if (oldest == queue_.end()) return false;
  queue_.erase(oldest);
  ++dropped_;
  return true;
}

void EventStream::close() {
  std::shared_ptr<const std::function<void()>> wake;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    wake = wake_;
  }
  if (wake) (*wake)();
}

bool EventStream::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::uint64_t EventStream::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void EventStream::on_closed(std::function<void()> callback) {
  {
    std::lock_guard lock(mutex_);
    if (!detached_) {
      on_closed_ = std::move(callback);
      return;
    }
  }
  callback();
}

void EventStream::attach(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = std::make_shared<const std::function<void()>>(std::move(wake));
  woken_ = false;
}

void EventStream::take(std::string& out, std::size_t max_bytes) {
  std::shared_ptr<const std::function<void()>> tell;
  {
    std::lock_guard lock(mutex_);
    while (!queue_.empty() && out.size() < max_bytes) {
      out += *queue_.front().text;
      queue_.pop_front();
    }
    if (queue_.empty()) {
      woken_ = false;
      if (std::exchange(refused_, false) && !closed_) tell = on_room_;
    }
  }
  // Outside the lock: it pushes.
  if (tell) (*tell)();
}

void EventStream::on_room(std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  if (!detached_) on_room_ = std::make_shared<const std::function<void()>>(std::move(callback));
}

bool EventStream::drained() const {
  std::lock_guard lock(mutex_);
  return closed_ && queue_.empty();
}

void EventStream::detach() {
  std::function<void()> callback;
  std::shared_ptr<const std::function<void()>> room;  // let go of without the lock
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(detached_, true)) return;
    closed_ = true;
    queue_.clear();
    wake_.reset();
    callback = std::exchange(on_closed_, nullptr);
    room = std::exchange(on_room_, nullptr);
  }
  if (callback) callback();
}

}  // namespace telecine::http
