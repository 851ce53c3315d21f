#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/pool.h"
#include "work/executor.h"

namespace telecine {

/// Claims units, runs them, commits. One per process; its node name is new at every start, so
/// that a restart is a new node and what the old one held is taken up again.
class Worker {
 public:
  Worker(Store& store, ChildHost& children, const object::LocalObjects& objects,
         const object::HttpClient& http, const object::Roots& roots, MeetingStore& meetings,
         Storages& storages, WorkerOptions options);
  ~Worker();

  void start();
  /// Claims nothing more, gives running units `options.drain` to end, then gives the rest back to
  /// the queue. Blocks.
  void drain();

  int running() const;
  const std::string& node() const { return node_; }

 private:
  enum class Ending { kNone, kLost, kDrain };
  struct Running {
    Lease lease;
    std::stop_source stop;
    std::atomic<Ending> ending{Ending::kNone};
    std::thread thread;
    bool done = false;
  };

  void dispatch_loop();
  void claim(int free);
  void begin(Lease lease);
  void run_unit(Running& running);
  void end_unit(Running& running, Result<UnitOutcome> outcome);
  Result<TaskPtr> write_ending(const Running& running, const Result<UnitOutcome>& outcome);
  void forget(const Lease& lease, UnitOutcome outcome);
  void collect_finished();
  void on_change(const Change& change);
  bool is_lost(const Lease& lease) const;
  void clean_up();
  void tidy(Id task);

  std::string node_;
  WorkerOptions options_;
  Admission admission_;
  WorkContext context_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::unique_ptr<Running>> units_;  ///< by unit id
  bool work_ready_ = true;
  bool claiming_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  std::thread dispatcher_;
  Pool tidying_{1};
};

}  // namespace telecine
