#include <algorithm>

#include "base/json.h"
#include "store/rows.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

std::unexpected<Error> no_task() {
  return telecine::fail(ErrorCode::kNotFound, "there is no such task");
}

}  // namespace

std::unique_ptr<Database> SqliteStore::take_reader() {
  {
    const std::lock_guard lock(readers_mutex_);
    if (!readers_.empty()) {
      auto taken = std::move(readers_.back());
      readers_.pop_back();
      return taken;
    }
  }
  auto db = std::make_unique<Database>(path_, Database::Mode::kReadOnly);
  db->execute("PRAGMA mmap_size = 2147483648");
  db->execute("PRAGMA cache_size = -8192");
  return db;
}

SqliteStore::Reader SqliteStore::reader() {
  auto db = take_reader();
  while (!db->let_go()) db = take_reader();
  return {*this, std::move(db)};
}

SqliteStore::Reader SqliteStore::steady_reader() {
  const std::int64_t state = committed_;
  if (state % 2 != 0 || others_work_) return reader();
  auto db = take_reader();
  db->hold(state);
  return {*this, std::move(db)};
}

void SqliteStore::give_back(std::unique_ptr<Database> db) noexcept {
  const std::lock_guard lock(readers_mutex_);
  if (db->held() == committed_ || db->let_go()) readers_.push_back(std::move(db));
}

void SqliteStore::outdate_readers(int steps) {
  committed_ += steps;
  const std::lock_guard lock(readers_mutex_);
  std::erase_if(readers_, [](const auto& db) { return !db->let_go(); });
}

Result<TaskPtr> SqliteStore::get(Id id) {
  auto task = get_by_key(id.key);
  if (task && (*task)->id != id) return no_task();
  return task;
}

Result<Store::Stored> SqliteStore::peek(Id id) {
  if (auto cached = cache_.find(id.key)) {
    if (cached->id != id) return no_task();
    return Stored{std::move(cached), {}, {}, 0, {}};
  }
  if (peeked_[static_cast<std::size_t>(id.key) % peeked_.size()].exchange(id.key) == id.key) {
    auto task = get(id);
    if (!task) return std::unexpected(task.error());
    return Stored{std::move(*task), {}, {}, 0, {}};
  }
  try {
    Reader db = steady_reader();
    auto query = db->prepare(
        "SELECT account, state, version, view FROM task WHERE key = ?1 AND random = ?2");
    query.bind(1, id.key).bind(2, static_cast<std::int64_t>(id.random));
    if (!query.step()) return no_task();
    auto view = unpack_view(query.blob(3));
    if (!view) return std::unexpected(view.error());
    return Stored{nullptr, std::string(query.text(0)), static_cast<TaskState>(query.small(1)),
                  query.integer(2), *std::move(view)};
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<TaskPtr> SqliteStore::get_by_key(std::int64_t key) {
  if (auto cached = cache_.find(key)) return cached;
  try {
    Reader db = reader();
    auto query = db->prepare(kTaskByKey);
    query.bind(1, key);
    if (!query.step()) return no_task();
    auto task = task_row(query, key);
    if (task) cache_.put(*task);
    return task;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<std::vector<TaskPtr>> SqliteStore::list(const TaskFilter& filter) {
  std::vector<std::int64_t> keys;
  const std::int64_t before = filter.before_key > 0 ? filter.before_key : kMaxIdKey + 1;
  try {
    Reader db = reader();
    if (filter.account.empty() && !filter.state) {
      auto query = db->prepare("SELECT key FROM task WHERE key < ?1 ORDER BY key DESC LIMIT ?2");
      query.bind(1, before).bind(2, filter.limit);
      while (query.step()) keys.push_back(query.integer(0));
    } else if (filter.account.empty()) {
      auto query = db->prepare(
          "SELECT key FROM task WHERE state = ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3");
      query.bind(1, static_cast<int>(*filter.state)).bind(2, before).bind(3, filter.limit);
      while (query.step()) keys.push_back(query.integer(0));
    } else {
      // One index (account, state, key) serves both: without a state, the newest of each.
      for (const auto& [state, name] : kNames<TaskState>) {
        if (filter.state && *filter.state != state) continue;
        auto query = db->prepare(
            "SELECT key FROM task WHERE account = ?1 AND state = ?2 AND key < ?3 "
            "ORDER BY key DESC LIMIT ?4");
        query.bind(1, filter.account)
            .bind(2, static_cast<int>(state))
            .bind(3, before)
            .bind(4, filter.limit);
        while (query.step()) keys.push_back(query.integer(0));
      }
    }
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
  std::ranges::sort(keys, std::greater{});
  // A task that moved between two of the queries above may stand in both.
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  if (keys.size() > static_cast<std::size_t>(filter.limit)) {
    keys.resize(static_cast<std::size_t>(filter.limit));
  }
  std::vector<TaskPtr> tasks;
  for (const std::int64_t key : keys) {
    if (auto task = get_by_key(key)) tasks.push_back(*task);
  }
  return tasks;
}

Result<std::vector<Event>> SqliteStore::history(Id id) {
  try {
    Reader db = reader();
    auto query = db->prepare(
        "SELECT seq, task, random, account, at, type, state, error FROM event "
        "WHERE task = ?1 ORDER BY seq");
    query.bind(1, id.key);
    std::vector<Event> events;
    while (query.step()) events.push_back(event_row(query));
    return events;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<std::vector<Event>> SqliteStore::events_after(std::int64_t seq, const std::string& account,
                                                     int limit) {
  try {
    Reader db = reader();
    auto query = db->prepare(kEventsAfter);
    query.bind(1, seq).bind(2, account).bind(3, limit);
    std::vector<Event> events;
    while (query.step()) events.push_back(event_row(query));
    return events;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<StoreFacts> SqliteStore::facts() {
  try {
    Reader db = reader();
    const auto count = [&](const char* sql) {
      auto query = db->prepare(sql);
      return query.step() ? query.integer(0) : 0;
    };
    StoreFacts facts;
    facts.queued_units = count("SELECT count(*) FROM unit WHERE state = 0");
    facts.running_units = count("SELECT count(*) FROM unit WHERE state = 1");
    facts.due_deliveries = count("SELECT count(*) FROM delivery WHERE next_at > 0");
    return facts;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<bool> SqliteStore::is_leased(const UnitRef& ref) {
  try {
    Reader db = reader();
    auto query = db->prepare(
        "SELECT 1 FROM unit WHERE id = ?1 AND task = ?2 AND attempt = ?3 AND state = 1");
    query.bind(1, ref.unit).bind(2, ref.task.key).bind(3, ref.attempt);
    return query.step();
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

}  // namespace telecine::sqlite
