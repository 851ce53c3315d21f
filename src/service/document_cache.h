#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "task/task.h"

namespace telecine {

/// Answers about tasks as they were sent last, so that polling costs no rendering. Each dialect has
/// one of its own. Bounded; thread-safe.
class DocumentCache {
 public:
  struct Document {
    std::shared_ptr<const std::string> body;
    std::string etag;  ///< for dialects that have such
  };

  /// The document of this very task, made by `render` when it is not there or past its `until`.
  /// `variant` is all else that it depends on: the base of links, the caller's form.
  template <class Render>
  Document get(const TaskPtr& task, std::string_view variant, Millis until, const Render& render) {
    if (auto known = find(task, variant)) return *std::move(known);
    Document made = render();
    put(task, variant, until, made);
    return made;
  }

  /// For what changes an answer and not the task.
  void forget(Id task);

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kPerShard = 200;
  struct Entry {
    TaskPtr task;  ///< the very same: progress makes a new one without a new version
    std::string variant;
    Millis until = 0;
    Document document;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::int64_t, Entry> entries;
  };

  std::optional<Document> find(const TaskPtr& task, std::string_view variant);
  void put(const TaskPtr& task, std::string_view variant, Millis until, const Document& document);
  Shard& shard_of(Id task) { return shards_[static_cast<std::size_t>(task.key) % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace telecine
