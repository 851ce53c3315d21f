#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace telecine::sqlite {

/// What SQLite answered when a statement could not run. An exception, because it ends a whole
/// transaction; the writer turns it into an Error at the edge of the batch.
struct Failure {
  int code;
  std::string message;
};
Error to_error(const Failure& failure);

/// A prepared statement in use. Parameters are numbered from 1 and columns from 0, as in SQL and
/// in SQLite's own interface.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, int value) { return bind(at, static_cast<std::int64_t>(value)); }
  /// The bytes must live until the statement ends.
  Statement& bind(int at, std::string_view text);
  Statement& bind_blob(int at, std::string_view bytes);
  Statement& bind_null(int at);

  /// True while there is a row.
  bool step();
  void run();

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  int small(int column) const { return sqlite3_column_int(statement_, column); }
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  sqlite3_stmt* statement_;
};

/// One connection with its prepared statements, found again by their SQL. Not thread-safe.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  /// Throws Failure.
  Database(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Statement prepare(const char* sql);
  void execute(const char* sql);
  /// Keeps what the next statement reads in view for all that follow, so that these need no locks
  /// of their own, until `let_go` or until it is held as of another `state`.
  void hold(std::int64_t state);
  /// False when the connection is of no use any more.
  bool let_go() noexcept;
  std::optional<std::int64_t> held() const { return held_; }
  /// The number of its schema; 0 in a new file.
  int version();
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_); }
  int changes() const { return sqlite3_changes(handle_); }

 private:
  [[noreturn]] void raise(int code) const;

  sqlite3* handle_ = nullptr;
  std::optional<std::int64_t> held_;
  std::map<const char*, sqlite3_stmt*> statements_;  ///< keyed by the literal's address
};

}  // namespace telecine::sqlite
