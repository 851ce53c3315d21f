#include "service/document_cache.h"

namespace telecine {

std::optional<DocumentCache::Document> DocumentCache::find(const TaskPtr& task,
                                                           std::string_view variant) {
  const Millis now = now_ms();
  Shard& shard = shard_of(task->id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.entries.find(task->id.key);
  if (at == shard.entries.end()) return std::nullopt;
  const Entry& entry = at->second;
  if (entry.task != task || entry.until <= now || entry.variant != variant) return std::nullopt;
  return entry.document;
}

void DocumentCache::put(const TaskPtr& task, std::string_view variant, Millis until,
                        const Document& document) {
  Shard& shard = shard_of(task->id);
  const std::lock_guard lock(shard.mutex);
  // Any one makes room: whoever polls has it back at once.
  if (shard.entries.size() >= kPerShard) shard.entries.erase(shard.entries.begin());
  shard.entries[task->id.key] = {task, std::string(variant), until, document};
}

void DocumentCache::forget(Id task) {
  Shard& shard = shard_of(task);
  const std::lock_guard lock(shard.mutex);
  shard.entries.erase(task.key);
}

}  // namespace telecine
