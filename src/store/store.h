#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "task/lifecycle.h"
#include "task/records.h"
#include "task/task.h"

namespace telecine {

struct Submission {
  Task task;  ///< account, origin, spec and outputs; the store gives it id, times and version
  std::vector<NewUnit> units;
  std::string idempotency_key;  ///< unique per account for 72 h; empty: none
  std::string body_hash;        ///< decides whether a repeated key means the same request
  /// What the request comes to, for clients that repeat themselves without a key; empty: none.
  std::string fingerprint;
  /// The client says that it has asked before: the account's last task of this fingerprint is the
  /// answer when it is not older than `kRepeatWindow`.
  bool repeated = false;
};
inline constexpr Millis kRepeatWindow = 120'000;

struct Submitted {
  TaskPtr task;
  bool replayed = false;  ///< the idempotency key was known: `task` is the earlier one
};

struct UnitRef {
  std::int64_t unit = 0;
  int attempt = 0;
  Id task;
};

struct TaskFilter {
  std::string account;  ///< empty: every account
  std::optional<TaskState> state;
  std::int64_t before_key = 0;  ///< cursor: only tasks with a smaller key; 0 from the newest
  int limit = 50;
};

/// What a running unit shows while it runs. Lives in memory; the node's heartbeat carries it to
/// other processes.
struct Progress {
  Id task;
  double done = 0;  ///< 0...1
  double speed = 0;
  std::vector<double> outputs;
  std::optional<MediaFacts> source;  ///< once, when it is known
};

/// A task changed. `events` are the durable ones of one commit; none when only progress moved.
struct Change {
  TaskPtr task;
  std::vector<Event> events;
};

/// A small document, by kind, account and name.
struct Record {
  std::string kind;
  std::string account;
  std::string name;
  json::object document;
  Millis expires = 0;  ///< when `purge` may remove it; 0 never
};

struct StoreFacts {
  std::int64_t queued_units = 0;
  std::int64_t running_units = 0;
  std::int64_t due_deliveries = 0;
};

/// Tasks at rest, and everything else that must survive. One interface for one machine (SQLite)
/// and many (a shared database); it assumes neither that callers are threads of one process nor
/// that they share a clock to better than the lease time.
///
/// Threading: every call may be made from any thread. Writes are asynchronous: the callback runs
/// after what it reports is durable, on the store's thread, and must not block. Reads are
/// synchronous and see every write whose callback has run. Writes after `stop` answer
/// kUnavailable; an error of the disk answers kOutOfSpace or kStorageUnavailable and changes
/// nothing.
class Store {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Listener = std::function<void(const Change&)>;

  virtual ~Store() = default;

  // --- tasks ---
  /// kConflict when the idempotency key was used with another body.
  virtual void submit(Submission submission, Done<Submitted> done) = 0;
  /// Ready units, the highest priority and oldest first, leased to `node`.
  virtual void claim(std::string node, int limit, Done<std::vector<Lease>> done) = 0;
  /// One transaction: the unit ends, what follows begins, the task and its history move on,
  /// the files it made join the library and its callbacks are queued. kConflict when the lease was
  /// lost: nothing changes.
  virtual void commit(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) = 0;
  /// The unit goes on, and what `outcome` brings (all but `next`) shows already. An attempt after
  /// this one finds it in its task. kConflict as above.
  virtual void checkpoint(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) = 0;
  /// The unit failed. It is queued again with backoff when the error is retryable and attempts
  /// are left, else the task fails. kConflict as above.
  virtual void fail(UnitRef ref, Error error, Done<TaskPtr> done) = 0;
  /// Gives the unit back untouched, for a worker that drains.
  virtual void release(UnitRef ref, Done<TaskPtr> done) = 0;
  /// kNotFound for another account's; kConflict when it has ended already.
  virtual void cancel(std::string account, Id id, Done<TaskPtr> done) = 0;
  /// A failed or cancelled task is queued again under the same id.
  virtual void retry(std::string account, Id id, Done<TaskPtr> done) = 0;
  /// Deletes tasks that ended before `before`, at most `limit`, with their history and the files
  /// that were stored for them alone, and records past their time. Answers the names of the objects
  /// that nobody has any more.
  virtual void purge(Millis before, int limit, Done<std::vector<std::string>> done) = 0;

  /// The current document, progress included. Cheap: a bounded cache in front of the disk.
  virtual Result<TaskPtr> get(Id id) = 0;
  /// A task that is not in the cache, as its text lies on the disk: for answers that need no more.
  struct Stored {
    TaskPtr cached;  ///< set: the task was in the cache, and the rest is empty
    std::string account;
    TaskState state = TaskState::kQueued;
    std::int64_t version = 0;
    std::string view;
  };
  virtual Result<Stored> peek(Id id) = 0;
  /// The same without knowing the random bits, for the engine's own use.
  virtual Result<TaskPtr> get_by_key(std::int64_t key) = 0;
  virtual Result<std::vector<TaskPtr>> list(const TaskFilter& filter) = 0;
  virtual Result<std::vector<Event>> history(Id id) = 0;
  /// Events after `seq`, oldest first, of one account (or all when empty).
  virtual Result<std::vector<Event>> events_after(std::int64_t seq, const std::string& account,
                                                  int limit) = 0;
  virtual Result<StoreFacts> facts() = 0;
  /// Whether a lease still stands; for cleaning up after lost attempts.
  virtual Result<bool> is_leased(const UnitRef& ref) = 0;

  // --- worker nodes ---
  /// Announces a node or says that it lives, and publishes its progress. A node silent for the
  /// lease time, or whose process is known to be gone, loses its units.
  virtual void beat(std::string node, Done<bool> done) = 0;
  virtual void leave(std::string node, Done<bool> done) = 0;
  virtual void report(const std::string& node, Progress progress) = 0;

  // --- deliveries ---
  virtual void due_deliveries(int limit, Done<std::vector<Delivery>> done) = 0;
  virtual void update_delivery(Delivery delivery, Done<bool> done) = 0;
  virtual Result<std::vector<Delivery>> deliveries_of(Id task) = 0;

  // --- records: keys, files, templates, small settings ---
  /// With a record, both are there or neither; the file's id is its member "file".
  virtual void create_file(File file, std::optional<Record> record, Done<File> done) = 0;
  virtual void remove_file(Id id, Done<bool> done) = 0;
  /// Whether a task or a file has the objects of this name.
  virtual Result<bool> owns_objects(const std::string& hex) = 0;
  virtual Result<File> get_file(Id id) = 0;
  /// Without knowing the random bits, for ids of dialects that carry only some of them.
  virtual Result<File> get_file_by_key(std::int64_t key) = 0;
  virtual Result<std::vector<File>> list_files(const std::string& account, std::int64_t before_key,
                                               int limit) = 0;
  /// `create_only` answers kConflict when it is there.
  virtual void put_record(Record record, bool create_only, Done<bool> done) = 0;
  void put_record(std::string kind, std::string account, std::string name, json::object document,
                  bool create_only, Done<bool> done) {
    put_record({std::move(kind), std::move(account), std::move(name), std::move(document)},
               create_only, std::move(done));
  }
  virtual void remove_record(std::string kind, std::string account, std::string name,
                             Done<bool> done) = 0;
  virtual Result<json::object> get_record(std::string_view kind, std::string_view account,
                                          std::string_view name) = 0;
  virtual Result<std::vector<std::pair<std::string, json::object>>> list_records(
      std::string_view kind, std::string_view account) = 0;

  /// Listeners hear of every change, those of other processes too, in commit order, on the
  /// store's threads. They must not block and stay until the store ends.
  virtual void subscribe(Listener listener) = 0;
  /// Called when units became ready; for in-process workers.
  virtual void on_work(std::function<void()> wake) = 0;

  /// Finishes what is queued and answers everything after it with kUnavailable.
  virtual void stop() = 0;
};

struct SqliteOptions {
  std::string directory;  ///< holds telecine.db and nodes/
  Millis lease = 15'000;  ///< silence after which a node's units are taken up again
  std::size_t cached_tasks = 50'000;
  bool synchronous_full = true;  ///< false: a power loss may undo the last answered commits
};

/// Opens, creates or migrates the embedded store. kUnsupported when the file was written by a
/// newer version; kStorageUnavailable when it cannot be read or written.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);

}  // namespace telecine
