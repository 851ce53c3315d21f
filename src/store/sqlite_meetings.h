#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "store/meetings.h"
#include "store/sqlite.h"

namespace telecine::sqlite {

/// What a session says about itself, as bits of session.flags.
enum SessionFlag : int { kHasAudio = 1, kHasVideo = 2, kHasSharing = 4, kHasTelephone = 8 };

/// The embedded meeting store: a file of its own, because its writers are bulk loads that must not
/// hold up tasks. One writer thread; each reader has a connection for its snapshot.
class SqliteMeetings final : public MeetingStore {
 public:
  /// Throws Failure and Error.
  explicit SqliteMeetings(const MeetingStoreOptions& options);
  ~SqliteMeetings() override;

  void apply(std::string account, std::vector<MeetingRecord> records, Done<Verdicts> done) override;
  void purge(Millis before, int limit, Done<int> done) override;
  Result<std::unique_ptr<MeetingSnapshot>> snapshot() override;
  void stop() override;

 private:
  using Job = std::function<void(bool open)>;
  void push(Job job);
  void write_loop();
  template <typename T>
  void in_transaction(const std::function<T()>& body, const Done<T>& done);

  std::string path_;
  std::unique_ptr<Database> writer_;  ///< the writer thread's alone
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Writes records inside the caller's transaction. Throws Failure.
class MeetingWriter {
 public:
  MeetingWriter(Database& db, const std::string& account) : db_(db), account_(account) {}
  std::optional<RecordProblem> write(const MeetingRecord& record);

 private:
  struct StoredMeeting {
    std::int64_t key = 0;
    json::object document;
    bool started = false;  ///< it is more than a name that other records mentioned
  };
  StoredMeeting meeting_of(const std::string& instance);
  void save(const StoredMeeting& meeting, const std::string& instance);
  void write_user(const json::object& fields);
  void mention_user(const json::object& fields, std::string_view field);
  void write_room(const json::object& fields);
  std::optional<RecordProblem> write_meeting(const json::object& fields);
  void write_session(const json::object& fields);
  void write_sample(const json::object& fields);
  void write_reservation(const json::object& fields);
  void erase(const json::object& fields);

  Database& db_;
  const std::string& account_;
};

/// Deletes a meeting's rows. Throws Failure.
void erase_meeting(Database& db, std::int64_t key);

Result<std::unique_ptr<MeetingSnapshot>> open_snapshot(const std::string& path);

/// The object in a column; an empty one when there is none.
json::object document_of(std::string_view text);

}  // namespace telecine::sqlite
