#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "store/meetings.h"

namespace telecine {

/// What became of a body of records.
struct IngestReport {
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  struct Problem {
    std::int64_t line = 0;  ///< from 1
    RecordProblem problem;
  };
  std::vector<Problem> problems;  ///< the first 100
};

/// One body of newline-delimited records on its way into the meeting store, in pieces of any size
/// and in bounded memory: whole lines are checked as they come and stored in batches, of which a
/// few may be under way; a further one waits.
class Ingest {
 public:
  static constexpr std::size_t kMaxLine = 256 << 10;

  Ingest(MeetingStore& store, std::string account)
      : store_(store), account_(std::move(account)), state_(std::make_shared<State>()) {}

  /// kInputTooLarge for a line beyond kMaxLine, the store's error when a batch was not stored.
  Status write(std::string_view piece);
  /// Answers when everything before has been stored.
  void finish(std::function<void(Result<IngestReport>)> done);

 private:
  struct Batch {
    std::vector<MeetingRecord> records;
    std::vector<std::int64_t> lines;
    std::size_t bytes = 0;
  };
  /// Shared with the store's callbacks, which may outlive a connection that broke.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int under_way = 0;
    std::optional<Error> failure;
    IngestReport report;
    std::function<void(Result<IngestReport>)> done;  ///< set when the body has ended
    void reject(std::int64_t line, RecordProblem problem);
    void keep_first();
    void answer(std::unique_lock<std::mutex> lock);
  };

  void take_line(std::string_view line);
  Status send();

  MeetingStore& store_;
  std::string account_;
  std::shared_ptr<State> state_;
  std::string partial_;  ///< a line whose end has not come yet
  std::int64_t line_ = 0;
  Batch batch_;
};

}  // namespace telecine
