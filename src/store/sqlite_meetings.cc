#include "store/sqlite_meetings.h"

#include "base/fs.h"

namespace telecine::sqlite {
namespace {

constexpr int kSchema = 1;
/// Documents hold the records' fields; the columns beside them are what queries need.
constexpr const char* kTables = R"sql(
CREATE TABLE user(
  account TEXT NOT NULL, id TEXT NOT NULL, open_id TEXT, union_id TEXT NOT NULL,
  doc TEXT NOT NULL, PRIMARY KEY(account, id)) WITHOUT ROWID;
CREATE INDEX user_open ON user(account, open_id);
CREATE INDEX user_union ON user(account, union_id);

CREATE TABLE room(
  account TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY(account, id)) WITHOUT ROWID;

-- A meeting that other records only mention has no start yet and is not shown.
CREATE TABLE meeting(
  key INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  instance TEXT NOT NULL,
  number TEXT NOT NULL,
  start INTEGER,
  finish INTEGER,
  scheduled INTEGER NOT NULL,
  screencast INTEGER NOT NULL,
  doc TEXT NOT NULL,
  UNIQUE(account, instance));
CREATE INDEX meeting_start ON meeting(account, start, instance);
CREATE INDEX meeting_number ON meeting(account, number, start);
CREATE INDEX meeting_age ON meeting(start);

-- One join of one participant; slot is its second.
CREATE TABLE session(
  meeting INTEGER NOT NULL, participant TEXT NOT NULL, slot TEXT NOT NULL,
  joined INTEGER NOT NULL, left_at INTEGER, user TEXT, room TEXT, flags INTEGER NOT NULL,
  doc TEXT NOT NULL, PRIMARY KEY(meeting, participant, slot)) WITHOUT ROWID;
CREATE INDEX session_user ON session(user, meeting) WHERE user IS NOT NULL;
CREATE INDEX session_room ON session(room, meeting) WHERE room IS NOT NULL;

CREATE TABLE sample(
  meeting INTEGER NOT NULL, participant TEXT NOT NULL, minute INTEGER NOT NULL,
  doc TEXT NOT NULL, PRIMARY KEY(meeting, participant, minute)) WITHOUT ROWID;

CREATE TABLE reservation(
  account TEXT NOT NULL, id TEXT NOT NULL, room TEXT NOT NULL, start INTEGER NOT NULL,
  doc TEXT NOT NULL, PRIMARY KEY(account, id)) WITHOUT ROWID;
CREATE INDEX reservation_start ON reservation(account, start, id);
)sql";

void migrate_meetings(Database& db) {
  if (db.version() == kSchema) return;
  db.execute("BEGIN IMMEDIATE");
  const int version = db.version();
  if (version == 0) {
    db.execute(kTables);
    db.execute("PRAGMA user_version = 1");
  }
  db.execute("COMMIT");
  if (version > kSchema) {
    throw Error{ErrorCode::kUnsupported,
                "meetings.db was written by a newer Telecine; start that version",
                {}};
  }
}

}  // namespace

json::object document_of(std::string_view text) {
  auto value = parse_json(text);
  return value && value->is_object() ? std::move(value->get_object()) : json::object();
}

SqliteMeetings::SqliteMeetings(const MeetingStoreOptions& options)
    : path_(options.directory + "/meetings.db"),
      writer_(std::make_unique<Database>(path_, Database::Mode::kReadWrite)) {
  writer_->execute("PRAGMA journal_mode = WAL");
  writer_->execute(options.synchronous_full ? "PRAGMA synchronous = FULL"
                                            : "PRAGMA synchronous = NORMAL");
  writer_->execute("PRAGMA cache_size = -16384");
  migrate_meetings(*writer_);
  thread_ = std::thread([this] { write_loop(); });
}

SqliteMeetings::~SqliteMeetings() {
  stop();
}

void SqliteMeetings::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SqliteMeetings::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      jobs_.push_back(std::move(job));
      filled_.notify_one();
      return;
    }
  }
  job(false);
}

void SqliteMeetings::write_loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    filled_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job(true);
    lock.lock();
  }
}

template <typename T>
void SqliteMeetings::in_transaction(const std::function<T()>& body, const Done<T>& done) {
  Result<T> result = fail(ErrorCode::kInternal, "nothing was done");
  try {
    writer_->execute("BEGIN IMMEDIATE");
    result = body();
    writer_->execute("COMMIT");
  } catch (const Failure& failure) {
    result = std::unexpected(to_error(failure));
    try {
      writer_->execute("ROLLBACK");
    } catch (const Failure&) {
      // There was no transaction any more: SQLite has rolled it back itself.
    }
  }
  if (done) done(std::move(result));
}

void SqliteMeetings::apply(std::string account, std::vector<MeetingRecord> records,
                           Done<Verdicts> done) {
  auto shared = std::make_shared<const std::vector<MeetingRecord>>(std::move(records));
  push([this, account = std::move(account), shared, done = std::move(done)](bool open) {
    if (!open) return done(fail(ErrorCode::kUnavailable, "the meeting store is closed"));
    in_transaction<Verdicts>(
        [&] {
          MeetingWriter writer(*writer_, account);
          Verdicts verdicts;
          for (const MeetingRecord& record : *shared) verdicts.push_back(writer.write(record));
          return verdicts;
        },
        done);
  });
}

void SqliteMeetings::purge(Millis before, int limit, Done<int> done) {
  push([this, before, limit, done = std::move(done)](bool open) {
    if (!open) return done(fail(ErrorCode::kUnavailable, "the meeting store is closed"));
    in_transaction<int>(
        [&] {
          std::vector<std::int64_t> keys;
          {
            auto old = writer_->prepare(
                "SELECT key FROM meeting WHERE start < ?1 ORDER BY start LIMIT ?2");
            old.bind(1, before).bind(2, limit);
            while (old.step()) keys.push_back(old.integer(0));
          }
          for (const std::int64_t key : keys) erase_meeting(*writer_, key);
          return static_cast<int>(keys.size());
        },
        done);
  });
}

Result<std::unique_ptr<MeetingSnapshot>> SqliteMeetings::snapshot() {
  return open_snapshot(path_);
}

}  // namespace telecine::sqlite

namespace telecine {

Result<std::unique_ptr<MeetingStore>> open_meeting_store(const MeetingStoreOptions& options) {
  if (auto made = make_directories(options.directory); !made) {
    return std::unexpected(made.error());
  }
  try {
    return std::make_unique<sqlite::SqliteMeetings>(options);
  } catch (const sqlite::Failure& failure) {
    return std::unexpected(sqlite::to_error(failure));
  } catch (const Error& error) {
    return std::unexpected(error);
  }
}

}  // namespace telecine
