#include "dialect/native/documents.h"

namespace telecine::native {
namespace {

json::value time_or_null(Millis at) {
  if (at == 0) return nullptr;
  return json::value(rfc3339(at));
}

json::value error_or_null(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return to_json(*error);
}

/// Segments are reached through their playlists; hundreds of them would drown the document.
bool is_shown(const Output& output, const OutputFile& file) {
  return output.type != OutputType::kHls || file.name.ends_with(".m3u8");
}

json::object output_document(const Service& service, const Task& task, const Output& output,
                             const std::string& base) {
  json::object o;
  o["name"] = output.name;
  o["type"] = name_of(output.type);
  o["state"] = name_of(output.state);
  o["progress"] = output.progress;
  o["error"] = error_or_null(output.error);
  json::array files;
  for (const OutputFile& file : output.files) {
    if (!is_shown(output, file)) continue;
    files.emplace_back(json::object{{"name", file.name},
                                    {"url", base + service.link(task, file)},
                                    {"type", file.type},
                                    {"size", file.size},
                                    {"md5", file.md5}});
  }
  if (files.empty())
    o["url"] = nullptr;
  else
    o["url"] = files.front().at("url");
  o["files"] = std::move(files);
  if (output.facts)
    o["facts"] = to_json(*output.facts);
  else
    o["facts"] = nullptr;
  if (output.type == OutputType::kHls) {
    json::array renditions;
    for (const MediaFacts& facts : output.rendition_facts) {
      renditions.emplace_back(to_json(facts));
    }
    o["renditions"] = std::move(renditions);
  }
  return o;
}

}  // namespace

json::object task_document(const Service& service, const Task& task, const std::string& base) {
  json::object o;
  o["id"] = task.id.hex();
  o["kind"] = name_of(task.spec.kind);
  o["state"] = name_of(task.state);
  o["progress"] = task.progress;
  o["speed"] = task.speed;
  o["input"] = task.spec.input;
  o["template"] = task.spec.template_name;
  o["priority"] = task.spec.priority;
  json::object metadata;
  for (const auto& [key, value] : task.spec.metadata) metadata[key] = value;
  o["metadata"] = std::move(metadata);
  o["callback_url"] = task.spec.callback_url;
  o["attempts"] = task.attempts;
  o["created"] = rfc3339(task.created);
  o["started"] = time_or_null(task.started);
  o["finished"] = time_or_null(task.finished);
  o["updated"] = rfc3339(task.updated);
  o["error"] = error_or_null(task.error);
  if (task.source)
    o["source"] = to_json(*task.source);
  else
    o["source"] = nullptr;
  json::array outputs;
  for (const Output& output : task.outputs) {
    outputs.emplace_back(output_document(service, task, output, base));
  }
  o["outputs"] = std::move(outputs);
  return o;
}

json::object progress_document(const Task& task) {
  json::array outputs;
  for (const Output& output : task.outputs) {
    outputs.emplace_back(json::object{{"name", output.name}, {"progress", output.progress}});
  }
  return {{"id", task.id.hex()},
          {"state", name_of(task.state)},
          {"progress", task.progress},
          {"speed", task.speed},
          {"outputs", std::move(outputs)}};
}

json::object file_document(const File& file) {
  json::object o{{"id", file.id.hex()},
                 {"name", file.name},
                 {"size", file.size},
                 {"md5", file.md5},
                 {"created", rfc3339(file.created)},
                 {"input", std::string(kFileIdScheme) + file.id.hex()}};
  return o;
}

json::object template_document(const Template& made) {
  return to_json(made);
}

json::object delivery_document(const Delivery& delivery) {
  json::array attempts;
  for (const auto& attempt : delivery.attempts) {
    attempts.emplace_back(json::object{{"at", rfc3339(attempt.at)},
                                       {"status", attempt.status},
                                       {"detail", attempt.detail},
                                       {"took_ms", attempt.took}});
  }
  return {{"id", delivery.id},
          {"message_id", delivery.message_id},
          {"url", delivery.url},
          {"type", delivery.type},
          {"created", rfc3339(delivery.created)},
          {"delivered", delivery.delivered},
          {"next_attempt", time_or_null(delivery.next_at)},
          {"attempts", std::move(attempts)}};
}

json::object key_document(const AccessKey& key) {
  json::object o = to_json(key);
  o.erase("secret");
  o["created"] = rfc3339(key.created);
  return o;
}

std::string etag_of(const Service& service, const Task& task) {
  std::string etag = "\"" + std::to_string(task.version) + "-" + std::to_string(task.updated);
  const bool has_links = task.state == TaskState::kSucceeded;
  if (has_links) etag += "-" + std::to_string(service.links_change() / 1000);
  return etag + "\"";
}

DocumentCache::Entry DocumentCache::get(const Service& service, const TaskPtr& task,
                                        const std::string& base) {
  Shard& shard = shards_[static_cast<std::size_t>(task->id.key) % kShards];
  const Millis now = now_ms();
  {
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.entries.find(task->id.key);
    // The very same task: progress makes a new one without a new version.
    if (at != shard.entries.end() && at->second.task == task && at->second.until > now &&
        at->second.base == base) {
      return at->second;
    }
  }
  Entry entry{
      task, base, service.links_change(), etag_of(service, *task),
      std::make_shared<const std::string>(json::serialize(task_document(service, *task, base)))};
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.size() >= kPerShard) shard.entries.clear();
  shard.entries[task->id.key] = entry;
  return entry;
}

}  // namespace telecine::native
