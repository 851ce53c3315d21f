#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "store/rows.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

/// A unit whose workers die this often takes them down itself.
constexpr int kMaxLosses = 100;
/// States of a unit's row, as the schema says. Those that are used in one place stand there.
constexpr int kReady = 0;
constexpr int kWaits = 2;
/// The type of callbacks about tasks that go on.
constexpr auto kChanged = "task.changed";

/// Where fingerprints lie beside idempotency keys: under names that no header can carry.
std::string fingerprint_name(const std::string& fingerprint) {
  return "\x01" + fingerprint;
}

std::string event_type(TaskState state) {
  return "task." + std::string(name_of(state));
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
  const std::string view = json::serialize(view_of(task));
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
      .bind(7, view)
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

void SqliteStore::add_units(Batch& batch, const Task& task, const std::vector<NewUnit>& units) {
  for (const NewUnit& unit : units) {
    const std::string payload = json::serialize(unit.payload);
    auto row = batch.db.prepare(
        "INSERT INTO unit(task, kind, priority, run_at, payload, state) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    row.bind(1, task.id.key)
        .bind(2, static_cast<int>(unit.kind))
        .bind(3, task.spec.priority)
        .bind(4, batch.now + unit.delay)
        .bind(5, payload)
        .bind(6, unit.waits ? kWaits : kReady)
        .run();
    batch.work_ready = true;
  }
}

void SqliteStore::drop_units(Batch& batch, std::int64_t task) {
  batch.db.prepare("DELETE FROM unit WHERE task = ?1").bind(1, task).run();
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

std::vector<json::object> SqliteStore::parts_of(Batch& batch, std::int64_t task) {
  std::vector<json::object> parts;
  auto query = batch.db.prepare("SELECT payload FROM unit WHERE task = ?1 AND state = 3");
  query.bind(1, task);
  while (query.step()) {
    auto part = parse_json(query.text(0));
    if (part && part->is_object()) parts.push_back(std::move(part->get_object()));
  }
  return parts;
}

/// Ends a unit, and says whether the task has others still to be done. The last but those that wait
/// makes these ready.
bool SqliteStore::end_unit(Batch& batch, const UnitRef& ref, const UnitOutcome& outcome) {
  if (outcome.part.empty()) {
    batch.db.prepare("DELETE FROM unit WHERE id = ?1").bind(1, ref.unit).run();
  } else {
    const std::string text = json::serialize(outcome.part);
    batch.db.prepare("UPDATE unit SET state = 3, node = NULL, payload = ?2 WHERE id = ?1")
        .bind(1, ref.unit)
        .bind(2, text)
        .run();
  }
  {
    auto busy = batch.db.prepare("SELECT 1 FROM unit WHERE task = ?1 AND state IN (0, 1) LIMIT 1");
    if (busy.bind(1, ref.task.key).step()) return true;
  }
  if (!outcome.next.empty()) return false;
  batch.db.prepare("UPDATE unit SET state = 0 WHERE task = ?1 AND state = 2")
      .bind(1, ref.task.key)
      .run();
  const bool woken = batch.db.changes() > 0;
  batch.work_ready = batch.work_ready || woken;
  return woken;
}

std::vector<Lease> SqliteStore::claim_units(Batch& batch, const std::string& node, int limit) {
  std::vector<Lease> leases;
  {
    // By task, so that one that has begun is finished before others begin: what is fetched and
    // encoded lies on the disk meanwhile.
    auto query = batch.db.prepare(
        "SELECT id, task, kind, attempt, failures, payload FROM unit "
        "WHERE state = 0 AND run_at <= ?1 ORDER BY priority DESC, task, id LIMIT ?2");
    query.bind(1, batch.now).bind(2, limit);
    while (query.step()) {
      auto task = load(batch, query.integer(1));
      const auto payload = parse_json(query.text(5));
      if (!task || !payload || !payload->is_object()) continue;
      leases.push_back({query.integer(0),
                        query.small(3) + 1,
                        query.small(4),
                        static_cast<UnitKind>(query.small(2)),
                        payload->get_object(),
                        *task,
                        {}});
    }
  }
  for (Lease& lease : leases) {
    lease.parts = parts_of(batch, lease.task->id.key);
    batch.db.prepare("UPDATE unit SET state = 1, node = ?1, attempt = ?2 WHERE id = ?3")
        .bind(1, node)
        .bind(2, lease.attempt)
        .bind(3, lease.unit)
        .run();
    const TaskState before = lease.task->state;
    Task task = after_claim(*lease.task, lease.kind, batch.now);
    std::string type = task.state == before ? "unit.started" : event_type(task.state);
    lease.task = write_task(batch, std::move(task), std::move(type));
  }
  return leases;
}

void SqliteStore::claim(std::string node, int limit, Done<std::vector<Lease>> done) {
  enqueue<std::vector<Lease>>(
      [this, node = std::move(node), limit](Batch& batch) -> Result<std::vector<Lease>> {
        return claim_units(batch, node, limit);
      },
      std::move(done));
}

Status SqliteStore::check_lease(Batch& batch, const UnitRef& ref) {
  auto query = batch.db.prepare("SELECT 1 FROM unit WHERE id = ?1 AND attempt = ?2 AND state = 1");
  query.bind(1, ref.unit).bind(2, ref.attempt);
  if (query.step()) return {};
  return telecine::fail(ErrorCode::kConflict, "the lease was lost; another worker has the unit");
}

void SqliteStore::commit(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) {
  for (NewFile& made : outcome.files) made.file.id.random = random_u64();
  enqueue<TaskPtr>(
      [this, ref, given = std::move(outcome)](Batch& batch) -> Result<TaskPtr> {
        if (auto ok = check_lease(batch, ref); !ok) return std::unexpected(ok.error());
        auto task = load(batch, ref.task, "");
        if (!task) return task;
        const bool others = end_unit(batch, ref, given);
        UnitOutcome outcome = given;
        take_files(batch, **task, outcome);
        Task next = after_commit(**task, outcome, others, batch.now);
        if (is_final(next.state)) return end_task(batch, std::move(next));
        add_units(batch, next, outcome.next);
        if (next.spec.callback_changes) queue_delivery(batch, next, kChanged);
        return write_task(batch, std::move(next), "unit.done");
      },
      std::move(done));
}

void SqliteStore::checkpoint(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) {
  for (NewFile& made : outcome.files) made.file.id.random = random_u64();
  enqueue<TaskPtr>(
      [this, ref, given = std::move(outcome)](Batch& batch) -> Result<TaskPtr> {
        if (auto ok = check_lease(batch, ref); !ok) return std::unexpected(ok.error());
        auto task = load(batch, ref.task, "");
        if (!task) return task;
        UnitOutcome outcome = given;
        take_files(batch, **task, outcome);
        Task next = after_checkpoint(**task, outcome, batch.now);
        if (next.spec.callback_changes) queue_delivery(batch, next, kChanged);
        return write_task(batch, std::move(next), "output.done");
      },
      std::move(done));
}

void SqliteStore::fail(UnitRef ref, Error error, Done<TaskPtr> done) {
  enqueue<TaskPtr>(
      [this, ref, error = std::move(error)](Batch& batch) -> Result<TaskPtr> {
        if (auto ok = check_lease(batch, ref); !ok) return std::unexpected(ok.error());
        auto task = load(batch, ref.task, "");
        if (!task) return task;
        int failures = 0;
        int losses = 0;
        {
          auto query = batch.db.prepare("SELECT failures, losses FROM unit WHERE id = ?1");
          if (query.bind(1, ref.unit).step()) {
            failures = query.small(0);
            losses = query.small(1);
          }
        }
        // A killed process says nothing about the work; only its own failures count as attempts.
        const bool lost = error.code == ErrorCode::kWorkerLost;
        (lost ? losses : failures) += 1;
        if (!is_retryable(error.code) || failures >= (*task)->spec.max_attempts ||
            losses >= kMaxLosses) {
          return end_task(batch, after_failure(**task, error, batch.now));
        }
        batch.db
            .prepare(
                "UPDATE unit SET state = 0, node = NULL, failures = ?1, losses = ?2, run_at = ?3 "
                "WHERE id = ?4")
            .bind(1, failures)
            .bind(2, losses)
            .bind(3, lost ? batch.now : batch.now + retry_delay(failures))
            .bind(4, ref.unit)
            .run();
        Task next = **task;
        next.updated = batch.now;
        return write_task(batch, std::move(next), "unit.failed", error);
      },
      std::move(done));
}

void SqliteStore::release(UnitRef ref, Done<TaskPtr> done) {
  enqueue<TaskPtr>(
      [this, ref](Batch& batch) -> Result<TaskPtr> {
        if (auto ok = check_lease(batch, ref); !ok) return std::unexpected(ok.error());
        auto task = load(batch, ref.task, "");
        if (!task) return task;
        batch.db.prepare("UPDATE unit SET state = 0, node = NULL WHERE id = ?1")
            .bind(1, ref.unit)
            .run();
        batch.work_ready = true;
        Task next = **task;
        next.updated = batch.now;
        return write_task(batch, std::move(next), "unit.released");
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

void SqliteStore::lose_units_of(Batch& batch, const std::string& node) {
  struct Lost {
    std::int64_t unit;
    std::int64_t task;
    int losses;
  };
  std::vector<Lost> lost;
  {
    auto query =
        batch.db.prepare("SELECT id, task, losses FROM unit WHERE state = 1 AND node = ?1");
    query.bind(1, node);
    while (query.step()) lost.push_back({query.integer(0), query.integer(1), query.small(2) + 1});
  }
  const Error error{ErrorCode::kWorkerLost, "the worker that ran this was lost", {}};
  for (const Lost& unit : lost) {
    auto task = load(batch, unit.task);
    if (!task) continue;
    if (unit.losses >= kMaxLosses) {
      end_task(batch, after_failure(**task, error, batch.now));
      continue;
    }
    batch.db
        .prepare("UPDATE unit SET state = 0, node = NULL, losses = ?1, run_at = ?2 WHERE id = ?3")
        .bind(1, unit.losses)
        .bind(2, batch.now)
        .bind(3, unit.unit)
        .run();
    batch.work_ready = true;
    Task next = **task;
    next.updated = batch.now;
    write_task(batch, std::move(next), "unit.lost", error);
  }
}

}  // namespace telecine::sqlite
