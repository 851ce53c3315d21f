#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

/// More would only make the first ones wait: a batch of this size takes about 10 ms.
constexpr std::size_t kBatch = 512;
constexpr Millis kWatchEvery = 50;
constexpr Millis kReapEvery = 500;

void configure(Database& db, bool full) {
  db.execute("PRAGMA journal_mode = WAL");
  db.execute(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  // 8000 pages of 4 KiB: fewer, longer checkpoints halve the tail of insert times.
  db.execute("PRAGMA wal_autocheckpoint = 8000");
  db.execute("PRAGMA cache_size = -16384");
  db.execute("PRAGMA temp_store = MEMORY");
}

std::int64_t single(Database& db, const char* sql) {
  auto query = db.prepare(sql);
  return query.step() ? query.integer(0) : 0;
}

std::int64_t sequence(Database& db, std::string_view table) {
  auto query = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1");
  query.bind(1, table);
  return query.step() ? query.integer(0) : 0;
}

}  // namespace

SqliteStore::SqliteStore(const SqliteOptions& options)
    : options_(options), path_(options.directory + "/telecine.db"), cache_(options.cached_tasks) {
  writer_ = std::make_unique<Database>(path_, Database::Mode::kReadWrite);
  configure(*writer_, options.synchronous_full);
  if (auto ok = migrate(*writer_); !ok) throw ok.error();
  data_version_ = single(*writer_, "PRAGMA data_version");
  last_event_ = sequence(*writer_, "event");
  last_task_ = sequence(*writer_, "task");
  published_event_ = last_event_;
  reap();
  writer_thread_ = std::thread([this] { write_loop(); });
  watch_thread_ = std::thread([this] { watch_loop(); });
}

SqliteStore::~SqliteStore() {
  stop();
}

void SqliteStore::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_filled_.notify_all();
  watch_stop_.notify_all();
  if (watch_thread_.joinable()) watch_thread_.join();
  if (writer_thread_.joinable()) writer_thread_.join();
}

void SqliteStore::push(std::unique_ptr<Op> op) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(op));
      if (queue_.size() == 1) queue_filled_.notify_one();
      return;
    }
  }
  const Error error{ErrorCode::kUnavailable, "the engine is shutting down; try again shortly", {}};
  op->finish(&error);
}

void SqliteStore::write_loop() {
  std::vector<std::unique_ptr<Op>> waiting;
  std::vector<std::unique_ptr<Op>> ops;
  while (true) {
    if (waiting.empty()) {
      std::unique_lock lock(queue_mutex_);
      queue_filled_.wait(lock, [&] { return !queue_.empty() || stopping_; });
      if (queue_.empty()) return;
      waiting.swap(queue_);
    }
    const auto count = std::min(kBatch, waiting.size());
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(count);
    ops.assign(std::move_iterator(waiting.begin()), std::move_iterator(end));
    waiting.erase(waiting.begin(), end);
    run_batch(ops);
  }
}

/// All in one transaction; when that fails, each in its own, so that one operation that cannot be
/// written does not take the others with it.
void SqliteStore::run_batch(std::vector<std::unique_ptr<Op>>& ops) {
  Error error;
  if (try_batch(ops, error)) {
    for (const auto& op : ops) op->finish(nullptr);
    return;
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool ok = ops.size() > 1 && try_batch(std::span(&ops[i], 1), error);
    ops[i]->finish(ok ? nullptr : &error);
  }
}

bool SqliteStore::try_batch(std::span<const std::unique_ptr<Op>> ops, Error& error) {
  outdate_readers(1);
  Batch batch{*writer_, now_ms(), data_version_, last_event_, last_task_, {}, {}, {}, false};
  try {
    writer_->execute("BEGIN IMMEDIATE");
    absorb_foreign(batch);
    for (const auto& op : ops) op->run(batch);
    writer_->execute("COMMIT");
  } catch (const Failure& failure) {
    error = to_error(failure);
    log_error("store transaction failed",
              {{"code", failure.code}, {"detail", failure.message}, {"operations", ops.size()}});
    try {
      writer_->execute("ROLLBACK");
    } catch (const Failure&) {
      // SQLite has rolled back by itself; there is no transaction to end.
    }
    outdate_readers(1);
    return false;
  }
  outdate_readers(1);
  apply(batch);
  return true;
}

/// What other processes committed since our last transaction: the cache must not answer from
/// before it, and listeners hear of it in order.
void SqliteStore::absorb_foreign(Batch& batch) {
  batch.data_version = single(*writer_, "PRAGMA data_version");
  if (batch.data_version == data_version_) return;
  batch.last_task = sequence(*writer_, "task");
  auto query = writer_->prepare(kEventsAfter);
  query.bind(1, batch.last_event).bind(2, std::string_view("")).bind(3, std::int64_t{-1});
  std::vector<Event> events;
  while (query.step()) events.push_back(event_row(query));
  for (Event& event : events) {
    batch.last_event = event.seq;
    cache_.erase(event.task.key);
    // Only what is in the batch already is surely no older than the event.
    const auto at = batch.tasks.find(event.task.key);
    const auto task = at != batch.tasks.end() ? Result<TaskPtr>(at->second)
                                              : load_from_disk(batch, event.task.key);
    if (task) batch.changes.push_back({*task, {std::move(event)}});
  }
  batch.work_ready = true;
}

void SqliteStore::apply(Batch& batch) {
  data_version_ = batch.data_version;
  last_event_ = batch.last_event;
  last_task_ = batch.last_task;
  published_event_ = batch.last_event;
  for (const auto& [key, task] : batch.tasks) cache_.put(task);
  for (const std::int64_t key : batch.erased) cache_.erase(key);
  const std::lock_guard lock(listeners_mutex_);
  for (const Change& change : batch.changes) {
    for (const Listener& listener : listeners_) listener(change);
  }
  if (batch.work_ready) {
    for (const auto& wake : wakers_) wake();
  }
}

void SqliteStore::subscribe(Listener listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_back(std::move(listener));
}

void SqliteStore::on_work(std::function<void()> wake) {
  const std::lock_guard lock(listeners_mutex_);
  wakers_.push_back(std::move(wake));
}

void SqliteStore::watch_loop() {
  std::unique_ptr<Database> db;
  std::int64_t seen = 0;
  Millis next_reap = 0;
  std::unique_lock lock(watch_mutex_);
  while (true) {
    watch_stop_.wait_for(lock, std::chrono::milliseconds(kWatchEvery));
    {
      const std::lock_guard queue_lock(queue_mutex_);
      if (stopping_) return;
    }
    try {
      if (!db) db = std::make_unique<Database>(path_, Database::Mode::kReadOnly);
      const std::int64_t version = single(*db, "PRAGMA data_version");
      if (version != seen) {
        seen = version;
        outdate_readers(2);
        const auto newest = single(*db, "SELECT max(seq) FROM event");
        // An empty operation makes the writer look for foreign commits.
        if (newest > published_event_) enqueue<bool>([](Batch&) { return true; }, {});
        read_foreign_progress(*db);
      }
    } catch (const Failure& failure) {
      db.reset();
      seen = 0;  // that of another connection says nothing
      outdate_readers(2);
      log_warning("cannot watch the store", {{"detail", failure.message}});
    }
    if (steady_ms() >= next_reap) {
      next_reap = steady_ms() + kReapEvery;
      reap();
      outdate_readers(2);  // so that tools from outside can empty the log
    }
  }
}

void SqliteStore::read_foreign_progress(Database& db) {
  auto query = db.prepare("SELECT id, progress FROM node");
  while (query.step()) {
    {
      const std::lock_guard lock(nodes_mutex_);
      if (own_nodes_.contains(std::string(query.text(0)))) continue;
    }
    const auto list = parse_json(query.text(1));
    if (!list || !list->is_array()) continue;
    for (const auto& item : list->get_array()) {
      const LooseReader in(item);
      Progress progress;
      progress.task = Id::from_hex(in.text("task")).value_or(Id{});
      progress.done = in.number("done");
      progress.speed = in.number("speed");
      for (const auto& output : in.list("outputs")) {
        progress.outputs.push_back(output.to_number<double>());
      }
      if (const auto* source = in.at("source")) progress.source = media_facts_from(*source);
      apply_progress(progress);
    }
  }
}

namespace {

/// Whether the process that runs the node is gone: its lock on the node's file is free.
bool is_gone(const std::string& file) {
  const Fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  return !fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

/// Frees the units of nodes that are gone or silent.
void SqliteStore::reap() {
  std::vector<std::string> lost;
  bool others = false;
  try {
    Reader db = reader();
    auto query = db->prepare("SELECT id, beat FROM node");
    while (query.step()) {
      const std::string node(query.text(0));
      const std::string file = options_.directory + "/nodes/" + node;
      const bool gone = is_gone(file);
      if (gone) ::unlink(file.c_str());
      if (gone || query.integer(1) < now_ms() - options_.lease) {
        lost.push_back(node);
        continue;
      }
      const std::lock_guard lock(nodes_mutex_);
      others |= !own_nodes_.contains(node);
    }
    others_work_ = others;
  } catch (const Failure& failure) {
    log_warning("cannot look for lost workers", {{"detail", failure.message}});
  }
  for (const std::string& node : lost) {
    log_warning("worker lost; its units are queued again", {{"node", node}});
    enqueue<bool>(
        [this, node](Batch& batch) {
          lose_units_of(batch, node);
          auto gone = batch.db.prepare("DELETE FROM node WHERE id = ?1");
          gone.bind(1, node).run();
          return true;
        },
        {});
  }
}

}  // namespace telecine::sqlite

namespace telecine {

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  if (auto made = make_directories(options.directory + "/nodes"); !made) {
    return std::unexpected(made.error());
  }
  try {
    return std::make_unique<sqlite::SqliteStore>(options);
  } catch (const sqlite::Failure& failure) {
    return std::unexpected(sqlite::to_error(failure));
  } catch (const Error& error) {
    return std::unexpected(error);
  }
}

}  // namespace telecine
