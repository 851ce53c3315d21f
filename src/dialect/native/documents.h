#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/json.h"
#include "service/service.h"

namespace telecine::native {

/// The task as clients see it: the JSON text of its view with signed links in place of object URLs.
/// `base` begins the links to this server.
std::string task_text(const Service& service, const Task& task, const std::string& base);
/// The same from the view's stored text. Nothing for a task whose files went elsewhere: links to
/// them take the whole task.
std::optional<std::string> task_text(const Service& service, std::string_view view,
                                     const std::string& account, const std::string& base);
/// What a "progress" event carries.
json::object progress_document(const Task& task);
json::object file_document(const File& file);
json::object template_document(const Template& made);
json::object delivery_document(const Delivery& delivery);
/// Without the secret.
json::object key_document(const AccessKey& key);

/// Strong; changes with everything the document shows, its links included.
std::string etag_of(const Service& service, std::int64_t version, TaskState state,
                    Millis updated);

/// Task documents as they were sent last, so that polling costs no rendering. Bounded; thread-safe.
class DocumentCache {
 public:
  struct Entry {
    TaskPtr task;
    std::string base;
    Millis until = 0;
    std::string etag;
    std::shared_ptr<const std::string> body;
  };
  Entry get(const Service& service, const TaskPtr& task, const std::string& base);

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kPerShard = 200;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::int64_t, Entry> entries;
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace telecine::native
