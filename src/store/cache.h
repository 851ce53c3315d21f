#pragma once

#include <array>
#include <list>
#include <mutex>
#include <unordered_map>

#include "task/task.h"

namespace telecine {

/// The current documents of the tasks used last, bounded by count. Thread-safe; a shard a lock.
class TaskCache {
 public:
  explicit TaskCache(std::size_t capacity) : per_shard_(capacity / kShards + 1) {}

  TaskPtr find(std::int64_t key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.index.find(key);
    if (at == shard.index.end()) return nullptr;
    shard.order.splice(shard.order.begin(), shard.order, at->second);
    return at->second->second;
  }

  /// Replaces what is there unless that is newer (a reader must not undo a commit).
  void put(const TaskPtr& task) {
    Shard& shard = shard_of(task->id.key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.index.find(task->id.key);
    if (at != shard.index.end()) {
      if (at->second->second->version <= task->version) at->second->second = task;
      shard.order.splice(shard.order.begin(), shard.order, at->second);
      return;
    }
    shard.order.emplace_front(task->id.key, task);
    shard.index[task->id.key] = shard.order.begin();
    if (shard.order.size() > per_shard_) {
      shard.index.erase(shard.order.back().first);
      shard.order.pop_back();
    }
  }

  void erase(std::int64_t key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.index.find(key);
    if (at == shard.index.end()) return;
    shard.order.erase(at->second);
    shard.index.erase(at);
  }

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::list<std::pair<std::int64_t, TaskPtr>> order;  ///< most recently used first
    std::unordered_map<std::int64_t, decltype(order)::iterator> index;
  };
  Shard& shard_of(std::int64_t key) { return shards_[static_cast<std::size_t>(key) % kShards]; }

  std::size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace telecine
