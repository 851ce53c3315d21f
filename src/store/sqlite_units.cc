// Units: claimed, committed, failed, lost.

#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
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

}  // namespace

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

/// Of what is stored of it something cannot be read: its units would only be in the way of others.
void SqliteStore::give_up(Batch& batch, std::int64_t task) {
  log_error("a stored task is damaged; it is given up", {{"key", task}});
  if (const auto readable = load(batch, task); readable && !is_final((*readable)->state)) {
    const Error error{ErrorCode::kInternal, "what was stored of the task is damaged", {}};
    end_task(batch, after_failure(**readable, error, batch.now));
  }
  drop_units(batch, task);
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
  std::vector<std::int64_t> damaged;
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
      if (!task || !payload || !payload->is_object()) {
        damaged.push_back(query.integer(1));
        continue;
      }
      leases.push_back({query.integer(0),
                        query.small(3) + 1,
                        query.small(4),
                        static_cast<UnitKind>(query.small(2)),
                        payload->get_object(),
                        *task,
                        {}});
    }
  }
  for (const std::int64_t task : damaged) {
    give_up(batch, task);
    std::erase_if(leases, [&](const Lease& lease) { return lease.task->id.key == task; });
  }
  for (Lease& lease : leases) {
    // Several units of one task may be claimed at once.
    if (auto latest = load(batch, lease.task->id.key)) lease.task = std::move(*latest);
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
        // A segment alone shows nothing new.
        const bool tells = next.spec.callback_changes && outcome.part.empty();
        if (tells) queue_delivery(batch, next, kChanged);
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
    if (!task) {
      give_up(batch, unit.task);
      continue;
    }
    if (is_final((*task)->state)) continue;
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
