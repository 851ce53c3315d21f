#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

json::object progress_json(const Progress& progress) {
  json::object o;
  o["task"] = progress.task.hex();
  o["done"] = progress.done;
  o["speed"] = progress.speed;
  json::array outputs;
  for (const double done : progress.outputs) outputs.emplace_back(done);
  o["outputs"] = std::move(outputs);
  if (progress.source) o["source"] = to_json(*progress.source);
  return o;
}

/// How long a picked-up delivery stays invisible to other senders.
constexpr Millis kDeliveryHold = 60'000;

}  // namespace

void SqliteStore::beat(std::string node, Done<bool> done) {
  json::array running;
  {
    const std::lock_guard lock(nodes_mutex_);
    if (!own_nodes_.contains(node)) {
      const std::string file = options_.directory + "/nodes/" + node;
      Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
      if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        own_nodes_[node] = std::move(fd);
      else
        log_warning("cannot lock the node's file", {{"file", file}});
    }
    for (const auto& [key, progress] : progress_[node]) {
      running.emplace_back(progress_json(progress));
    }
  }
  enqueue<bool>(
      [node = std::move(node), text = json::serialize(running)](Batch& batch) -> Result<bool> {
        batch.db.prepare("INSERT OR REPLACE INTO node(id, beat, progress) VALUES(?1, ?2, ?3)")
            .bind(1, node)
            .bind(2, batch.now)
            .bind(3, text)
            .run();
        return true;
      },
      std::move(done));
}

void SqliteStore::leave(std::string node, Done<bool> done) {
  enqueue<bool>(
      [this, node](Batch& batch) -> Result<bool> {
        lose_units_of(batch, node);
        batch.db.prepare("DELETE FROM node WHERE id = ?1").bind(1, node).run();
        return true;
      },
      [this, node, done = std::move(done)](Result<bool> left) {
        {
          const std::lock_guard lock(nodes_mutex_);
          own_nodes_.erase(node);
          progress_.erase(node);
        }
        ::unlink((options_.directory + "/nodes/" + node).c_str());
        if (done) done(left);
      });
}

void SqliteStore::report(const std::string& node, Progress progress) {
  {
    const std::lock_guard lock(nodes_mutex_);
    auto& mine = progress_[node];
    if (progress.done >= 1) {
      mine.erase(progress.task.key);
      return;
    }
    auto& kept = mine[progress.task.key];
    if (!progress.source) progress.source = std::move(kept.source);
    kept = progress;
  }
  apply_progress(progress);
}

void SqliteStore::apply_progress(const Progress& progress) {
  const auto known = get(progress.task);
  if (!known || is_final((*known)->state)) return;
  Task task = **known;
  task.progress = std::max(task.progress, progress.done);
  task.speed = progress.speed;
  task.updated = now_ms();
  if (progress.source) task.source = progress.source;
  for (std::size_t i = 0; i < std::min(task.outputs.size(), progress.outputs.size()); ++i) {
    task.outputs[i].progress = std::max(task.outputs[i].progress, progress.outputs[i]);
  }
  const auto shared = std::make_shared<const Task>(std::move(task));
  cache_.put(shared);
  const std::lock_guard lock(listeners_mutex_);
  for (const Listener& listener : listeners_) listener({shared, {}});
}

namespace {

Delivery delivery_row(const Statement& row) {
  const auto document = parse_json(row.text(5));
  Delivery delivery = delivery_from(document ? *document : json::value());
  delivery.id = row.integer(0);
  delivery.task = {row.integer(1), static_cast<std::uint64_t>(row.integer(2))};
  delivery.account = row.text(3);
  delivery.next_at = row.integer(4);
  return delivery;
}

}  // namespace

void SqliteStore::due_deliveries(int limit, Done<std::vector<Delivery>> done) {
  enqueue<std::vector<Delivery>>(
      [limit](Batch& batch) -> Result<std::vector<Delivery>> {
        std::vector<Delivery> due;
        {
          auto query = batch.db.prepare(
              "SELECT id, task, random, account, next_at, doc FROM delivery "
              "WHERE next_at > 0 AND next_at <= ?1 ORDER BY next_at LIMIT ?2");
          query.bind(1, batch.now).bind(2, limit);
          while (query.step()) due.push_back(delivery_row(query));
        }
        for (const Delivery& delivery : due) {
          batch.db.prepare("UPDATE delivery SET next_at = ?1 WHERE id = ?2")
              .bind(1, batch.now + kDeliveryHold)
              .bind(2, delivery.id)
              .run();
        }
        return due;
      },
      std::move(done));
}

void SqliteStore::update_delivery(Delivery delivery, Done<bool> done) {
  enqueue<bool>(
      [delivery = std::move(delivery)](Batch& batch) -> Result<bool> {
        const std::string document = json::serialize(to_json(delivery));
        batch.db.prepare("UPDATE delivery SET next_at = ?1, doc = ?2 WHERE id = ?3")
            .bind(1, delivery.next_at)
            .bind(2, document)
            .bind(3, delivery.id)
            .run();
        return batch.db.changes() > 0;
      },
      std::move(done));
}

Result<std::vector<Delivery>> SqliteStore::deliveries_of(Id task) {
  try {
    Reader db = reader();
    auto query = db->prepare(
        "SELECT id, task, random, account, next_at, doc FROM delivery WHERE task = ?1 ORDER BY id");
    query.bind(1, task.key);
    std::vector<Delivery> all;
    while (query.step()) all.push_back(delivery_row(query));
    return all;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

}  // namespace telecine::sqlite
