#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>

#include "base/fs.h"
#include "job/media_job.h"
#include "job/media_process.h"

namespace telecine {

/// How long a child may take. Milliseconds; 0: no limit.
struct RunLimits {
  Millis wall = 0;
  Millis stall = 120'000;  ///< without any sign of progress
};

/// The worker's half of a run. All called on the thread that called `run`.
struct RunHooks {
  std::function<Result<Fd>(const std::string& name)> create;
  /// Opens a file that the job reads beside its input, by the name it has for it.
  std::function<Result<Fd>(const std::string& name)> open;
  /// May wait (admission); an error ends the run with it.
  std::function<Status(const MediaFacts&)> source;
  std::function<void(std::span<const double> outputs, double speed)> progress;
};

/// Runs media work in sandboxed children forked from a warm zygote, a program of its own so that
/// nothing else has media libraries in it. Thread-safe; a run blocks its caller. A zygote that died
/// or was put to rest is started again by the next run.
class ChildHost {
 public:
  /// Finds `telecine-media` beside this program. Runs one child to see that it works and which
  /// layers of the sandbox this machine has.
  static Result<std::unique_ptr<ChildHost>> start();
  ~ChildHost();

  /// `input` is -1 for a job that reads none. What the child made or why it could not: its own
  /// error; kTimedOut; kResourceLimit when it ran into a limit; kCancelled after `stop`;
  /// kWorkerLost when somebody killed it; kInternal (retryable) when it crashed.
  Result<media::Made> run(int input, const MediaJob& job, const RunLimits& limits,
                          const RunHooks& hooks, std::stop_token stop = {});
  Result<MediaFacts> probe(int input, const ChildLimits& limits);
  /// Ends the zygote, tens of MB of libraries, if nothing has run for so long.
  void rest_after(Millis unused);

  /// The layers a child reported last.
  SandboxLayers layers() const;
  Libav libav() const;
  pid_t zygote() const;

 private:
  class RunCount;

  explicit ChildHost(Fd program) : program_(std::move(program)) {}
  Status spawn();
  Status await_ready();
  void end_zygote();
  Result<Fd> send_order(int input);

  Fd program_;  // open, so that an update of the file does not mix versions
  mutable std::mutex mutex_;
  int running_ = 0;
  Millis last_run_ = 0;
  Fd control_;
  pid_t pid_ = -1;
  SandboxLayers layers_;
  Libav libav_;
};

}  // namespace telecine
