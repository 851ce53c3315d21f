#include "store/schema.h"

#include <array>

namespace telecine::sqlite {
namespace {

/// Step i takes a file from version i to i + 1. A step that has been released is never edited.
constexpr std::array kSteps = {
    R"sql(
CREATE TABLE task(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  random INTEGER NOT NULL,
  account TEXT NOT NULL,
  state INTEGER NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL,
  view TEXT NOT NULL,
  rest TEXT NOT NULL);
CREATE INDEX task_account ON task(account, state, key);
CREATE INDEX task_finished ON task(finished) WHERE finished > 0;

-- Live work only: a unit's row goes when it ends. state: 0 ready, 1 leased, 2 waits for the task's
-- other units, 3 has ended and its payload is what it left for the one that waits.
CREATE TABLE unit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  losses INTEGER NOT NULL DEFAULT 0,
  node TEXT,
  payload TEXT NOT NULL);
CREATE INDEX unit_ready ON unit(priority DESC, task, id) WHERE state = 0;
CREATE INDEX unit_leased ON unit(node) WHERE state = 1;
CREATE INDEX unit_task ON unit(task);

CREATE TABLE event(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL,
  random INTEGER NOT NULL,
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  state INTEGER NOT NULL,
  error TEXT);
CREATE INDEX event_task ON event(task);

CREATE TABLE node(id TEXT PRIMARY KEY, beat INTEGER NOT NULL, progress TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE delivery(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL,
  random INTEGER NOT NULL,
  account TEXT NOT NULL,
  next_at INTEGER NOT NULL,
  doc TEXT NOT NULL);
CREATE INDEX delivery_due ON delivery(next_at) WHERE next_at > 0;
CREATE INDEX delivery_task ON delivery(task);

CREATE TABLE idempotency(
  account TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, task INTEGER NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY(account, name)) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency(at);

CREATE TABLE file(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  random INTEGER NOT NULL,
  account TEXT NOT NULL,
  doc TEXT NOT NULL);
CREATE INDEX file_account ON file(account, key);

CREATE TABLE record(
  kind TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY(kind, account, name)) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE record ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_expires ON record(expires) WHERE expires > 0;
CREATE INDEX file_object ON file(json_extract(doc, '$.object'));
)sql",
    // Views are written compressed from here on; see packed_view.h.
    "SELECT 1"};

}  // namespace

int schema_version() {
  return static_cast<int>(kSteps.size());
}

Status migrate(Database& db) {
  if (db.version() == schema_version()) return {};
  db.execute("BEGIN IMMEDIATE");
  const int version = db.version();
  if (version > schema_version()) {
    db.execute("ROLLBACK");
    return fail(ErrorCode::kUnsupported,
                "the data directory was written by a newer Telecine (schema " +
                    std::to_string(version) + ", this one knows " +
                    std::to_string(schema_version()) + "); start that version");
  }
  for (int step = version; step < schema_version(); ++step) {
    db.execute(kSteps[static_cast<std::size_t>(step)]);
  }
  db.execute(("PRAGMA user_version = " + std::to_string(schema_version())).c_str());
  db.execute("COMMIT");
  return {};
}

}  // namespace telecine::sqlite
