#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "store/store.h"

namespace telecine {

/// Tells callers what happens to tasks. Thread-safe; callbacks run on the store's or the hub's own
/// thread and must not block.
class Watch {
 public:
  explicit Watch(Store& store);
  ~Watch();

  /// Calls back once: when the task is in a final state, or with it as it stands after `timeout`.
  void wait_final(Id task, Millis timeout, std::function<void(TaskPtr)> done);

  /// Every change of one task, or of all tasks of an account when `task` is empty, until
  /// `unsubscribe`. A callback may still be running when unsubscribe returns.
  using Callback = std::function<void(const Change&)>;
  std::uint64_t subscribe(std::string account, std::optional<Id> task, Callback callback);
  void unsubscribe(std::uint64_t subscription);
  std::size_t subscribers() const;

  void stop();

 private:
  struct Waiter {
    Id task;
    Millis deadline;
    std::function<void(TaskPtr)> done;
  };
  struct Subscription {
    std::string account;
    std::optional<Id> task;
    Callback callback;
  };
  void on_change(const Change& change);
  void timer_loop();
  void answer_waiters(const TaskPtr& ended);
  void answer(Waiter waiter);

  Store& store_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_multimap<std::int64_t, Waiter> waiters_;  ///< by task key
  std::map<std::uint64_t, std::shared_ptr<const Subscription>> subscriptions_;
  std::uint64_t next_ = 1;
  bool stopped_ = false;
  std::thread timer_;
};

}  // namespace telecine
