// Tasks: submitted, written, cancelled, tried again.

#include "base/crypto.h"
#include "base/json.h"
#include "store/rows.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

/// Where fingerprints lie beside idempotency keys: under names that no header can carry.
std::string fingerprint_name(const std::string& fingerprint) {
  return "\x01" + fingerprint;
}

}  // namespace

Result<TaskPtr> SqliteStore::load(Batch& batch, std::int64_t key) {
  if (const auto at = batch.tasks.find(key); at != batch.tasks.end()) return at->second;
  if (auto cached = cache_.find(key)) return cached;
  return load_from_disk(batch, key);
}

Result<TaskPtr> SqliteStore::load_from_disk(Batch& batch, std::int64_t key) {
  auto query = batch.db.prepare(kTaskByKey);
  query.bind(1, key);
  if (!query.step()) return telecine::fail(ErrorCode::kNotFound, "there is no such task");
  auto task = task_row(query, key);
  if (task) batch.tasks[key] = *task;
  return task;
}

Result<TaskPtr> SqliteStore::load(Batch& batch, Id id, const std::string& account) {
  auto task = load(batch, id.key);
  if (!task) return task;
  if ((*task)->id != id || (!account.empty() && (*task)->account != account)) {
    return telecine::fail(ErrorCode::kNotFound, "there is no such task");
  }
  return task;
}

TaskPtr SqliteStore::write_task(Batch& batch, Task task, std::string type,
                                std::optional<Error> error) {
  Event event{++batch.last_event, task.id,    task.account,    batch.now,
              std::move(type),    task.state, std::move(error)};
  task.version = event.seq;
  const std::string view = pack_view(json::serialize(view_of(task)));
  const std::string rest = json::serialize(rest_of(task));
  const std::string detail = event.error ? json::serialize(to_json(*event.error)) : "";
  auto row = batch.db.prepare(
      "INSERT INTO task(key, random, account, state, finished, version, view, rest) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(key) DO UPDATE SET state = ?4, "
      "finished = ?5, version = ?6, view = ?7, rest = ?8");
  row.bind(1, task.id.key)
      .bind(2, static_cast<std::int64_t>(task.id.random))
      .bind(3, task.account)
      .bind(4, static_cast<int>(task.state))
      .bind(5, task.finished)
      .bind(6, task.version)
      .bind_blob(7, view)
      .bind(8, rest)
      .run();
  auto line = batch.db.prepare(
      "INSERT INTO event(seq, task, random, account, at, type, state, error) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  line.bind(1, event.seq)
      .bind(2, task.id.key)
      .bind(3, static_cast<std::int64_t>(task.id.random))
      .bind(4, task.account)
      .bind(5, event.at)
      .bind(6, event.type)
      .bind(7, static_cast<int>(event.state));
  if (event.error)
    line.bind(8, detail);
  else
    line.bind_null(8);
  line.run();
  auto shared = std::make_shared<const Task>(std::move(task));
  batch.tasks[shared->id.key] = shared;
  batch.changes.push_back({shared, {std::move(event)}});
  return shared;
}

void SqliteStore::queue_delivery(Batch& batch, const Task& task, std::string type) {
  if (task.spec.callback_url.empty()) return;
  Delivery delivery;
  delivery.message_id = "msg_" + make_uuid();
  delivery.url = task.spec.callback_url;
  delivery.type = std::move(type);
  delivery.created = batch.now;
  const std::string document = json::serialize(to_json(delivery));
  batch.db
      .prepare("INSERT INTO delivery(task, random, account, next_at, doc) VALUES(?1,?2,?3,?4,?5)")
      .bind(1, task.id.key)
      .bind(2, static_cast<std::int64_t>(task.id.random))
      .bind(3, task.account)
      .bind(4, batch.now)
      .bind(5, document)
      .run();
  batch.work_ready = true;
}

/// Writes a task that has just reached a final state.
TaskPtr SqliteStore::end_task(Batch& batch, Task task) {
  drop_units(batch, task.id.key);
  std::string type = event_type(task.state);
  queue_delivery(batch, task, type);
  auto error = task.error;
  return write_task(batch, std::move(task), std::move(type), std::move(error));
}

Result<std::optional<Submitted>> SqliteStore::find_idempotent(Batch& batch,
                                                              const Submission& submission) {
  auto query = batch.db.prepare(
      "SELECT hash, task FROM idempotency WHERE account = ?1 AND name = ?2 AND at > ?3");
  query.bind(1, submission.task.account)
      .bind(2, submission.idempotency_key)
      .bind(3, batch.now - kIdempotencyLife);
  if (!query.step()) return std::nullopt;
  if (query.text(0) != submission.body_hash) {
    return telecine::fail(ErrorCode::kConflict,
                          "this idempotency key was used for another request; use a new key",
                          "Idempotency-Key");
  }
  auto task = load(batch, query.integer(1));
  if (!task) return std::nullopt;
  return Submitted{*task, true};
}

std::optional<Submitted> SqliteStore::find_repeated(Batch& batch, const Submission& submission) {
  const std::string name = fingerprint_name(submission.fingerprint);
  auto query =
      batch.db.prepare("SELECT task FROM idempotency WHERE account = ?1 AND name = ?2 AND at > ?3");
  query.bind(1, submission.task.account).bind(2, name).bind(3, batch.now - kRepeatWindow);
  if (!query.step()) return std::nullopt;
  auto task = load(batch, query.integer(0));
  if (!task) return std::nullopt;
  return Submitted{*task, true};
}

void SqliteStore::remember(Batch& batch, const Task& task, const std::string& name,
                           const std::string& hash) {
  batch.db
      .prepare(
          "INSERT OR REPLACE INTO idempotency(account, name, hash, task, at) "
          "VALUES(?1, ?2, ?3, ?4, ?5)")
      .bind(1, task.account)
      .bind(2, name)
      .bind(3, hash)
      .bind(4, task.id.key)
      .bind(5, batch.now)
      .run();
}

void SqliteStore::submit(Submission submission, Done<Submitted> done) {
  const std::uint64_t random = random_u64();
  enqueue<Submitted>(
      [this, submission = std::move(submission), random](Batch& batch) -> Result<Submitted> {
        if (!submission.idempotency_key.empty()) {
          auto known = find_idempotent(batch, submission);
          if (!known) return std::unexpected(known.error());
          if (*known) return **known;
        }
        if (submission.repeated && !submission.fingerprint.empty()) {
          if (auto known = find_repeated(batch, submission)) return *known;
        }
        Task task = submission.task;
        task.id = {++batch.last_task, random};
        task.created = batch.now;
        task.updated = batch.now;
        add_units(batch, task, submission.units);
        if (!submission.idempotency_key.empty()) {
          remember(batch, task, submission.idempotency_key, submission.body_hash);
        }
        if (!submission.fingerprint.empty()) {
          remember(batch, task, fingerprint_name(submission.fingerprint), "");
        }
        return Submitted{write_task(batch, std::move(task), event_type(TaskState::kQueued)), false};
      },
      std::move(done));
}

void SqliteStore::cancel(std::string account, Id id, Done<TaskPtr> done) {
  enqueue<TaskPtr>(
      [this, account = std::move(account), id](Batch& batch) -> Result<TaskPtr> {
        auto task = load(batch, id, account);
        if (!task) return task;
        if (is_final((*task)->state)) {
          return telecine::fail(ErrorCode::kConflict, "the task has ended already: it is " +
                                                          std::string(name_of((*task)->state)));
        }
        return end_task(batch, after_cancel(**task, batch.now));
      },
      std::move(done));
}

void SqliteStore::retry(std::string account, Id id, Done<TaskPtr> done) {
  enqueue<TaskPtr>(
      [this, account = std::move(account), id](Batch& batch) -> Result<TaskPtr> {
        auto task = load(batch, id, account);
        if (!task) return task;
        if (!can_move((*task)->state, TaskState::kQueued)) {
          return telecine::fail(ErrorCode::kConflict,
                                "only a failed or cancelled task can be retried; this one is " +
                                    std::string(name_of((*task)->state)));
        }
        Task next = after_retry(**task, batch.now);
        add_units(batch, next, {first_unit(next.spec)});
        return write_task(batch, std::move(next), event_type(TaskState::kQueued));
      },
      std::move(done));
}

}  // namespace telecine::sqlite
