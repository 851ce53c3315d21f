#include "work/worker.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "base/id.h"
#include "base/log.h"
#include "work/uploads.h"

namespace telecine {
namespace {

constexpr Millis kBeatEvery = 1000;
/// How often an idle worker looks by itself; news normally wake it at once.
constexpr auto kIdleLook = std::chrono::milliseconds(500);

std::string make_node_name() {
  char host[256] = "node";
  ::gethostname(host, sizeof host - 1);
  std::string name = host;
  std::ranges::replace_if(name, [](char c) { return c == '/' || c == '.'; }, '-');
  return name + "-" + std::to_string(::getpid()) + "-" + make_uuid().substr(0, 8);
}

std::vector<std::filesystem::path> inputs_of(const std::string& folder, Id task) {
  std::vector<std::filesystem::path> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().filename().string().starts_with(task.hex())) found.push_back(entry.path());
  }
  return found;
}

}  // namespace

Worker::Worker(Store& store, ChildHost& children, const object::LocalObjects& objects,
               const object::HttpClient& http, const object::Roots& roots, MeetingStore& meetings,
               Storages& storages, WorkerOptions options)
    : node_(make_node_name()),
      options_(std::move(options)),
      admission_(options_.cores, options_.memory),
      context_{store, children, objects, http, roots, meetings, admission_, storages, options_} {}

Worker::~Worker() {
  drain();
}

void Worker::start() {
  context_.store.subscribe([this](const Change& change) { on_change(change); });
  context_.store.on_work([this] {
    const std::lock_guard lock(mutex_);
    work_ready_ = true;
    changed_.notify_all();
  });
  dispatcher_ = std::thread([this] { dispatch_loop(); });
}

void Worker::dispatch_loop() {
  std::promise<void> announced;
  context_.store.beat(node_, [&](Result<bool>) { announced.set_value(); });
  announced.get_future().wait();
  clean_up();
  Millis next_beat = steady_ms() + kBeatEvery;
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    changed_.wait_for(lock, kIdleLook, [&] { return work_ready_ || stopped_; });
    work_ready_ = false;
    collect_finished();
    const int free = options_.slots - static_cast<int>(units_.size());
    if (!draining_ && !claiming_ && free > 0) claim(free);
    if (steady_ms() >= next_beat) {
      next_beat = steady_ms() + kBeatEvery;
      lock.unlock();
      context_.store.beat(node_, {});
      context_.children.rest_after(options_.warm);
      lock.lock();
    }
  }
}

/// With the lock held.
void Worker::claim(int free) {
  claiming_ = true;
  context_.store.claim(node_, free, [this](Result<std::vector<Lease>> leases) {
    const std::lock_guard claimed(mutex_);
    claiming_ = false;
    if (!leases) {
      log_warning("cannot claim work", {{"detail", leases.error().message}});
      return;
    }
    for (Lease& lease : *leases) begin(std::move(lease));
  });
}

/// With the lock held.
void Worker::begin(Lease lease) {
  auto running = std::make_unique<Running>();
  running->lease = std::move(lease);
  Running& unit = *running;
  units_[unit.lease.unit] = std::move(running);
  unit.thread = std::thread([this, &unit] { run_unit(unit); });
}

void Worker::run_unit(Running& running) {
  const Lease& lease = running.lease;
  log_info("unit started", {{"task", lease.task->id.hex()},
                            {"unit", lease.unit},
                            {"kind", name_of(lease.kind)},
                            {"attempt", lease.attempt}});
  const Run run{lease, running.stop.get_token(),
                [this](Progress progress) { context_.store.report(node_, std::move(progress)); }};
  const auto outcome_of = [&]() -> Result<UnitOutcome> {
    try {
      return execute(context_, run);
    } catch (const std::exception& bug) {
      // One unit's trouble is not to end all the others.
      log_error("a unit threw", {{"task", lease.task->id.hex()}, {"what", bug.what()}});
      return fail(ErrorCode::kInternal, "the unit ended by a mistake of the program");
    }
  };
  auto outcome = outcome_of();
  context_.store.report(node_, {lease.task->id, 1, 0, {}, {}});
  end_unit(running, std::move(outcome));
}

/// Writes how the unit ended. While the store cannot be written (a full disk) this is tried again:
/// what was made is not thrown away, and the lease stands as long as this process lives.
void Worker::end_unit(Running& running, Result<UnitOutcome> outcome) {
  constexpr auto kPause = std::chrono::seconds(1);
  const Lease& lease = running.lease;
  if (!outcome) {
    log_info("unit failed", {{"task", lease.task->id.hex()},
                             {"unit", lease.unit},
                             {"error", name_of(outcome.error().code)},
                             {"detail", outcome.error().message}});
  }
  while (outcome || running.ending != Ending::kLost) {
    const auto task = write_ending(running, outcome);
    if (task) break;
    log_warning(
        "unit not committed",
        {{"task", lease.task->id.hex()}, {"unit", lease.unit}, {"detail", task.error().message}});
    const auto code = task.error().code;
    if (code != ErrorCode::kOutOfSpace && code != ErrorCode::kStorageUnavailable) {
      if (outcome) forget(lease, std::move(*outcome));
      tidy(lease.task->id);
      break;
    }
    std::this_thread::sleep_for(kPause);
  }
  // It may have published something after the task ended.
  if (running.ending == Ending::kLost) tidy(lease.task->id);
  const std::lock_guard lock(mutex_);
  running.done = true;
  work_ready_ = true;
  changed_.notify_all();
}

/// No commit makes the outcome's objects files any more, nor takes up the job it may know of.
void Worker::forget(const Lease& lease, UnitOutcome outcome) {
  tidying_.post([this, kind = lease.kind, task = lease.task->id, outcome = std::move(outcome)] {
    for (const NewFile& made : outcome.files) context_.objects.remove(made.file.object);
    if (kind == UnitKind::kGenerate) abandon_generation(context_, task, outcome);
  });
}

Result<TaskPtr> Worker::write_ending(const Running& running, const Result<UnitOutcome>& outcome) {
  const UnitRef ref{running.lease.unit, running.lease.attempt, running.lease.task->id};
  std::promise<Result<TaskPtr>> written;
  const auto done = [&](Result<TaskPtr> task) { written.set_value(std::move(task)); };
  if (outcome)
    context_.store.commit(ref, *outcome, done);
  else if (running.ending == Ending::kDrain)
    context_.store.release(ref, done);
  else
    context_.store.fail(ref, outcome.error(), done);
  return written.get_future().get();
}

/// With the lock held.
void Worker::collect_finished() {
  for (auto at = units_.begin(); at != units_.end();) {
    if (!at->second->done) {
      ++at;
      continue;
    }
    // The thread has called `finish` as its last act; joining waits for its return only.
    at->second->thread.join();
    at = units_.erase(at);
  }
}

/// On the store's thread: a task that ended, or a unit that was taken from us.
void Worker::on_change(const Change& change) {
  if (change.events.empty()) return;
  const bool over = is_final(change.task->state);
  if (over) tidy(change.task->id);
  if (over && change.task->spec.kind == TaskKind::kGenerate) {
    // As it ended, even if it has been retried by then: the provider's job is that run's.
    tidying_.post([this, ended = change.task] { end_generation(context_, *ended); });
  }
  const std::lock_guard lock(mutex_);
  for (auto& [id, running] : units_) {
    if (running->lease.task->id != change.task->id || running->done) continue;
    const bool lost = std::ranges::any_of(change.events, [](const Event& e) {
      // It may have ended and been tried again since.
      return e.type == "unit.lost" || is_final(e.state);
    });
    if (!over && !(lost && is_lost(running->lease))) continue;
    running->ending = Ending::kLost;
    running->stop.request_stop();
  }
}

/// A task may have several units, and not all of them here.
bool Worker::is_lost(const Lease& lease) const {
  const auto leased = context_.store.is_leased({lease.unit, lease.attempt, lease.task->id});
  return leased && !*leased;
}

void Worker::drain() {
  std::unique_lock lock(mutex_);
  if (stopped_ || !dispatcher_.joinable()) return;
  draining_ = true;
  const auto idle = [&] {
    return !claiming_ && std::ranges::all_of(units_, [](auto& u) { return u.second->done; });
  };
  if (!changed_.wait_for(lock, std::chrono::milliseconds(options_.drain), idle)) {
    for (auto& [id, running] : units_) {
      if (running->done) continue;
      running->ending = Ending::kDrain;
      running->stop.request_stop();
    }
    changed_.wait(lock, idle);
  }
  collect_finished();
  stopped_ = true;
  changed_.notify_all();
  lock.unlock();
  dispatcher_.join();
  std::promise<void> left;
  context_.store.leave(node_, [&](Result<bool>) { left.set_value(); });
  left.get_future().wait();
}

int Worker::running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(units_.size());
}

/// Away with a task's input, and with what attempts published that did not make it into the task.
void Worker::tidy(Id task) {
  tidying_.post([this, task] {
    const auto inputs = inputs_of(context_.fetched_folder(), task);
    // Asked after looking, and anew: by now it may have been retried, and have another input.
    const auto ended = context_.store.get(task);
    if (!ended || !is_final((*ended)->state)) return;
    for (const auto& input : inputs) ::unlink(input.c_str());
    std::vector<std::string> kept;
    for (const Output& output : (*ended)->outputs) {
      if (output.files.empty()) continue;
      const auto object = object::parse_object_url(output.files.front().url);
      if (object) kept.push_back(object->name.substr(0, object->name.find('/')));
    }
    context_.objects.keep_only(task.hex(), kept);
    abort_uploads(context_.store, context_.storages, task, 0, 0);
  });
}

/// Deletes what attempts left behind whose leases are gone, and inputs of ended tasks.
void Worker::clean_up() {
  tidying_.post([this] {
    abort_lost_uploads(context_.store, context_.storages);
    settle_lost_generations(context_);
  });
  for (const object::Attempt& attempt : context_.objects.attempts()) {
    const auto id = Id::from_hex(attempt.task_hex);
    if (!id) continue;
    const auto leased =
        context_.store.is_leased({attempt.unit, static_cast<int>(attempt.number), *id});
    if (leased && !*leased) context_.objects.discard(attempt);
  }
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(context_.fetched_folder(), none)) {
    const std::string name = entry.path().filename().string();
    const auto id = Id::from_hex(name.substr(0, 32));
    const auto task =
        id ? context_.store.get(*id) : Result<TaskPtr>(fail(ErrorCode::kNotFound, ""));
    const bool kept = task ? !is_final((*task)->state) : task.error().code != ErrorCode::kNotFound;
    if (!kept) std::filesystem::remove(entry.path(), none);
  }
}

}  // namespace telecine
