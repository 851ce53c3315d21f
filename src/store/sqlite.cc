#include "store/sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace telecine::sqlite {

Error to_error(const Failure& failure) {
  switch (failure.code & 0xFF) {
    case SQLITE_FULL:
      return {ErrorCode::kOutOfSpace, "the disk of the data directory is full", {}};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return {ErrorCode::kStorageUnavailable,
              "the data directory cannot be written: " + failure.message,
              {}};
    default:
      return {ErrorCode::kStorageUnavailable, "the store failed: " + failure.message, {}};
  }
}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(statement_, at, value);
  return *this;
}

Statement& Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text(statement_, at, text.data() == nullptr ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
  sqlite3_bind_blob(statement_, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int at) {
  sqlite3_bind_null(statement_, at);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw Failure{code, sqlite3_errmsg(sqlite3_db_handle(statement_))};
}

void Statement::run() {
  while (step()) {
  }
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(const std::string& path, Mode mode) {
  const int flags =
      mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  // It holds secrets; SQLite gives the files beside it the same permissions.
  if (mode == Mode::kReadWrite) ::close(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const int code = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    Failure failure{code, handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory"};
    sqlite3_close(handle_);
    throw failure;
  }
  sqlite3_extended_result_codes(handle_, 1);
  // Other processes (the command line, a second worker) write too, for a few ms at a time.
  sqlite3_busy_timeout(handle_, 10'000);
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

void Database::raise(int code) const {
  throw Failure{code, sqlite3_errmsg(handle_)};
}

Statement Database::prepare(const char* sql) {
  auto& statement = statements_[sql];
  if (statement == nullptr) {
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) raise(code);
  }
  return Statement(statement);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(code);
}

void Database::hold(std::int64_t state) {
  if (held_ == state) return;
  if (!let_go()) raise(SQLITE_ERROR);
  prepare("BEGIN").run();
  held_ = state;
}

bool Database::let_go() noexcept {
  held_.reset();
  // A statement that failed may have ended it.
  if (sqlite3_get_autocommit(handle_) != 0) return true;
  return sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK;
}

int Database::version() {
  auto query = prepare("PRAGMA user_version");
  query.step();
  return query.small(0);
}

}  // namespace telecine::sqlite
