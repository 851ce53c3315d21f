#include "service/watch.h"

#include <algorithm>

namespace telecine {
namespace {

/// A time-out of a long poll may be late by this much.
constexpr auto kTick = std::chrono::milliseconds(50);

}  // namespace

Watch::Watch(Store& store) : store_(store) {
  store_.subscribe([this](const Change& change) { on_change(change); });
  timer_ = std::thread([this] { timer_loop(); });
}

Watch::~Watch() {
  stop();
}

void Watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  changed_.notify_all();
  timer_.join();
}

void Watch::wait_final(Id task, Millis timeout, std::function<void(TaskPtr)> done) {
  {
    const std::lock_guard lock(mutex_);
    waiters_.emplace(task.key, Waiter{task, steady_ms() + timeout, std::move(done)});
    if (waiters_.size() == 1) changed_.notify_all();
  }
  // It may have ended before we were listening.
  const auto now = store_.get(task);
  if (now && is_final((*now)->state)) answer_waiters(*now);
}

void Watch::answer_waiters(const TaskPtr& ended) {
  std::vector<Waiter> due;
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = waiters_.equal_range(ended->id.key);
    for (auto at = first; at != last; ++at) due.push_back(std::move(at->second));
    waiters_.erase(first, last);
  }
  for (Waiter& waiter : due) waiter.done(ended);
}

void Watch::answer(Waiter waiter) {
  const auto task = store_.get(waiter.task);
  waiter.done(task ? *task : nullptr);
}

void Watch::on_change(const Change& change) {
  if (is_final(change.task->state)) answer_waiters(change.task);
  std::vector<std::shared_ptr<const Subscription>> told;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, subscription] : subscriptions_) {
      if (subscription->account != change.task->account) continue;
      if (subscription->task && *subscription->task != change.task->id) continue;
      told.push_back(subscription);
    }
  }
  for (const auto& subscription : told) subscription->callback(change);
}

void Watch::timer_loop() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (waiters_.empty()) {
      changed_.wait(lock, [&] { return stopped_ || !waiters_.empty(); });
    } else {
      changed_.wait_for(lock, kTick);
    }
    std::vector<Waiter> due;
    const Millis now = steady_ms();
    for (auto at = waiters_.begin(); at != waiters_.end();) {
      if (at->second.deadline > now && !stopped_) {
        ++at;
        continue;
      }
      due.push_back(std::move(at->second));
      at = waiters_.erase(at);
    }
    lock.unlock();
    for (Waiter& waiter : due) answer(std::move(waiter));
    lock.lock();
  }
}

std::uint64_t Watch::subscribe(std::string account, std::optional<Id> task, Callback callback) {
  auto subscription = std::make_shared<const Subscription>(
      Subscription{std::move(account), task, std::move(callback)});
  const std::lock_guard lock(mutex_);
  subscriptions_[next_] = std::move(subscription);
  return next_++;
}

void Watch::unsubscribe(std::uint64_t subscription) {
  const std::lock_guard lock(mutex_);
  subscriptions_.erase(subscription);
}

std::size_t Watch::subscribers() const {
  const std::lock_guard lock(mutex_);
  return subscriptions_.size();
}

}  // namespace telecine
