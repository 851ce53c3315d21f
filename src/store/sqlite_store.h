#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>

#include "base/fs.h"
#include "store/cache.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace telecine::sqlite {

/// The embedded store: WAL, one writer thread that runs everything waiting in one transaction,
/// readers in parallel, each with a connection of its own.
///
/// Several processes may use one directory (the server, workers, the command line). The writer
/// notices foreign commits at the start of each batch, and a watching thread notices them within
/// 50 ms when nothing is written here; both tell the listeners.
class SqliteStore final : public Store {
 public:
  /// Throws Failure.
  explicit SqliteStore(const SqliteOptions& options);
  ~SqliteStore() override;

  void submit(Submission submission, Done<Submitted> done) override;
  void claim(std::string node, int limit, Done<std::vector<Lease>> done) override;
  void commit(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) override;
  void checkpoint(UnitRef ref, UnitOutcome outcome, Done<TaskPtr> done) override;
  void fail(UnitRef ref, Error error, Done<TaskPtr> done) override;
  void release(UnitRef ref, Done<TaskPtr> done) override;
  void cancel(std::string account, Id id, Done<TaskPtr> done) override;
  void retry(std::string account, Id id, Done<TaskPtr> done) override;
  void purge(Millis before, int limit, Done<std::vector<std::string>> done) override;
  Result<TaskPtr> get(Id id) override;
  Result<Stored> peek(Id id) override;
  Result<TaskPtr> get_by_key(std::int64_t key) override;
  Result<std::vector<TaskPtr>> list(const TaskFilter& filter) override;
  Result<std::vector<Event>> history(Id id) override;
  Result<std::vector<Event>> events_after(std::int64_t seq, const std::string& account,
                                          int limit) override;
  Result<StoreFacts> facts() override;
  Result<bool> is_leased(const UnitRef& ref) override;
  void beat(std::string node, Done<bool> done) override;
  void leave(std::string node, Done<bool> done) override;
  void report(const std::string& node, Progress progress) override;
  void due_deliveries(int limit, Done<std::vector<Delivery>> done) override;
  void update_delivery(Delivery delivery, Done<bool> done) override;
  Result<std::vector<Delivery>> deliveries_of(Id task) override;
  void create_file(File file, std::optional<Record> record, Done<File> done) override;
  void remove_file(Id id, Done<bool> done) override;
  Result<bool> owns_objects(const std::string& hex) override;
  Result<File> get_file(Id id) override;
  Result<File> get_file_by_key(std::int64_t key) override;
  Result<std::vector<File>> list_files(const std::string& account, std::int64_t before_key,
                                       int limit) override;
  void put_record(Record record, bool create_only, Done<bool> done) override;
  void remove_record(std::string kind, std::string account, std::string name,
                     Done<bool> done) override;
  Result<json::object> get_record(std::string_view kind, std::string_view account,
                                  std::string_view name) override;
  Result<std::vector<std::pair<std::string, json::object>>> list_records(
      std::string_view kind, std::string_view account) override;
  void subscribe(Listener listener) override;
  void on_work(std::function<void()> wake) override;
  void stop() override;

 private:
  static constexpr Millis kIdempotencyLife = 72LL * 3600 * 1000;

  /// One transaction in the making. What it says about memory (cache, listeners) is applied only
  /// after its COMMIT.
  struct Batch {
    Database& db;
    Millis now = 0;
    std::int64_t data_version = 0;
    std::int64_t last_event = 0;
    std::int64_t last_task = 0;
    std::unordered_map<std::int64_t, TaskPtr> tasks;  ///< as changed so far
    std::vector<Change> changes;
    std::vector<std::int64_t> erased;
    bool work_ready = false;
  };
  /// A write waiting for its batch. `run` may be called again when a batch had to be repeated.
  struct Op {
    virtual ~Op() = default;
    virtual void run(Batch& batch) = 0;
    virtual void finish(const Error* error) = 0;
  };
  template <typename T>
  struct OpOf;
  template <typename T>
  void enqueue(std::function<Result<T>(Batch&)> body, Done<T> done);
  void push(std::unique_ptr<Op> op);

  // sqlite_writer.cc: the writer and the watcher
  void write_loop();
  void run_batch(std::vector<std::unique_ptr<Op>>& ops);
  bool try_batch(std::span<const std::unique_ptr<Op>> ops, Error& error);
  void absorb_foreign(Batch& batch);
  void apply(Batch& batch);
  void watch_loop();
  void read_foreign_progress(Database& db);
  void reap();

  // sqlite_units.cc: steps of operations, inside a batch
  Result<TaskPtr> load(Batch& batch, std::int64_t key);
  Result<TaskPtr> load_from_disk(Batch& batch, std::int64_t key);
  Result<TaskPtr> load(Batch& batch, Id id, const std::string& account);
  /// Writes the task and one event about it; bumps its version.
  TaskPtr write_task(Batch& batch, Task task, std::string type, std::optional<Error> error = {});
  void add_units(Batch& batch, const Task& task, const std::vector<NewUnit>& units);
  void drop_units(Batch& batch, std::int64_t task);
  void give_up(Batch& batch, std::int64_t task);
  /// Answers the objects of files that went with it.
  std::vector<std::string> drop_task(Batch& batch, Id id);
  void queue_delivery(Batch& batch, const Task& task, std::string type);
  /// Makes the outcome's files, notes their ids in its result, and gives the input's file the facts
  /// that the outcome brings.
  void take_files(Batch& batch, const Task& task, UnitOutcome& outcome);
  /// One of them. An earlier run's file of the same input or output stays the same file, with these
  /// bytes.
  Id take_file(Batch& batch, const Task& task, const NewFile& made);
  std::optional<File> find_file(Batch& batch, Id id, const std::string& account);
  void rewrite_file(Batch& batch, const File& file);
  /// Answers its key.
  std::int64_t insert_file(Batch& batch, const File& file);
  /// False when there was one and `create_only` was asked for.
  bool write_record(Batch& batch, const Record& record, bool create_only);
  Status check_lease(Batch& batch, const UnitRef& ref);
  Result<std::optional<Submitted>> find_idempotent(Batch& batch, const Submission& submission);
  std::optional<Submitted> find_repeated(Batch& batch, const Submission& submission);
  void remember(Batch& batch, const Task& task, const std::string& name, const std::string& hash);
  static std::vector<json::object> parts_of(Batch& batch, std::int64_t task);
  static bool end_unit(Batch& batch, const UnitRef& ref, const UnitOutcome& outcome);
  std::vector<Lease> claim_units(Batch& batch, const std::string& node, int limit);
  TaskPtr end_task(Batch& batch, Task task);
  void lose_units_of(Batch& batch, const std::string& node);
  void apply_progress(const Progress& progress);

  /// A reader's connection, given back when it goes.
  class Reader;
  Reader reader();
  /// One that may not see yet what another process committed in the last 50 ms or so: only for what
  /// no other changes any more, or who reads again. While nothing is committed, reading by it needs
  /// no locks.
  Reader steady_reader();
  std::unique_ptr<Database> take_reader();
  void give_back(std::unique_ptr<Database> db) noexcept;
  /// A batch begins or has ended (1), or others committed (2): what readers hold is outdated, and
  /// would keep the log from being begun anew.
  void outdate_readers(int steps);

  SqliteOptions options_;
  std::string path_;
  TaskCache cache_;
  /// Keys that were peeked at on the disk lately: whoever is asked for again goes into the cache. A
  /// few, so that those who are asked for again by chance push nobody out of it.
  std::array<std::atomic<std::int64_t>, 64> peeked_{};

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::vector<std::unique_ptr<Op>> queue_;
  bool stopping_ = false;

  std::unique_ptr<Database> writer_;  ///< the writer thread's alone
  std::int64_t data_version_ = 0;     ///< likewise
  std::int64_t last_event_ = 0;       ///< likewise
  std::int64_t last_task_ = 0;        ///< likewise
  std::atomic<std::int64_t> published_event_ = 0;

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Database>> readers_;
  std::atomic<std::int64_t> committed_ = 0;  ///< odd while a batch is being written
  /// Workers of other processes are there. Their commits would never find the log unread.
  std::atomic<bool> others_work_ = false;

  std::mutex listeners_mutex_;
  std::vector<Listener> listeners_;
  std::vector<std::function<void()>> wakers_;

  std::mutex nodes_mutex_;
  std::map<std::string, Fd> own_nodes_;                               ///< id → its locked file
  std::map<std::string, std::map<std::int64_t, Progress>> progress_;  ///< node → task key → …

  std::mutex watch_mutex_;
  std::condition_variable watch_stop_;
  std::thread writer_thread_;
  std::thread watch_thread_;
};

class SqliteStore::Reader {
 public:
  Reader(SqliteStore& store, std::unique_ptr<Database> db) : store_(store), db_(std::move(db)) {}
  Reader(Reader&&) = default;
  ~Reader() {
    if (db_) store_.give_back(std::move(db_));
  }
  Database* operator->() { return db_.get(); }
  Database& operator*() { return *db_; }

 private:
  SqliteStore& store_;
  std::unique_ptr<Database> db_;
};

template <typename T>
struct SqliteStore::OpOf final : Op {
  std::function<Result<T>(Batch&)> body;
  Done<T> done;
  std::optional<Result<T>> result;

  void run(Batch& batch) override { result.emplace(body(batch)); }
  void finish(const Error* error) override {
    if (!done) return;
    if (error != nullptr)
      done(std::unexpected(*error));
    else
      done(std::move(*result));
  }
};

template <typename T>
void SqliteStore::enqueue(std::function<Result<T>(Batch&)> body, Done<T> done) {
  auto op = std::make_unique<OpOf<T>>();
  op->body = std::move(body);
  op->done = std::move(done);
  push(std::move(op));
}

}  // namespace telecine::sqlite
