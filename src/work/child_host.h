#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>

#include "base/fs.h"
#include "media/pipeline.h"
#include "work/media_child.h"
#include "work/sandbox.h"

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

/// Runs media work in sandboxed children forked from a warm zygote. Thread-safe; a run blocks its
/// caller. A zygote that died is started again.
class ChildHost {
 public:
  /// `program` is this executable, started again as the zygote. Runs one child to see that it
  /// works and which layers of the sandbox this machine has.
  static Result<std::unique_ptr<ChildHost>> start(std::string program);
  ~ChildHost();

  /// What the child made or why it could not: its own error; kTimedOut; kResourceLimit when it ran
  /// into a limit; kCancelled after `stop`; kWorkerLost when somebody killed it; kInternal
  /// (retryable) when it crashed.
  Result<media::Made> run(int input, const MediaJob& job, const RunLimits& limits,
                          const RunHooks& hooks, std::stop_token stop = {});
  Result<MediaFacts> probe(int input, const ChildLimits& limits);

  /// The layers a child reported last.
  SandboxLayers layers() const;
  pid_t zygote() const;

 private:
  explicit ChildHost(std::string program) : program_(std::move(program)) {}
  Status spawn();
  Result<Fd> send_order(int input);

  std::string program_;
  mutable std::mutex mutex_;
  Fd control_;
  pid_t pid_ = -1;
  SandboxLayers layers_;
};

}  // namespace telecine
