#include "work/child_host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "job/link.h"

namespace telecine {
namespace {

// As media_main.cc expects them.
constexpr int kControlFd = 3;
constexpr int kProgramFd = 4;
constexpr auto kProgramPath = "/proc/self/fd/4";
constexpr int kStartTimeout = 20'000;
constexpr std::size_t kMostSaid = 64 << 10;
/// For the end of a child that was killed: it may be stuck in the kernel.
constexpr Millis kLastWait = 30'000;

/// Two fds in one datagram, as the zygote's receive_order expects them.
bool send_fds(int control, int link, int input) {
  char byte = 'j';
  iovec piece{&byte, 1};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char space[CMSG_SPACE(2 * sizeof(int))] = {};
  header.msg_control = space;
  header.msg_controllen = sizeof space;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const std::array<int, 2> fds{link, input};
  std::memcpy(CMSG_DATA(part), fds.data(), sizeof fds);
  ssize_t n = 0;
  do {
    n = ::sendmsg(control, &header, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

/// One run as the worker sees it: reads the child's messages until its exit is reported.
class Conversation {
 public:
  Conversation(Link& link, const RunLimits& limits, const RunHooks& hooks, std::stop_token stop)
      : link_(link), limits_(limits), hooks_(hooks), stop_(std::move(stop)) {}

  Result<media::Made> hold() {
    constexpr int kTick = 100;
    started_ = last_sign_ = steady_ms();
    while (true) {
      bool ended = false;
      auto message = link_.receive(kTick, ended);
      if (!message) {
        end_child(message.error());
        return std::unexpected(message.error());
      }
      if (*message) {
        take(**message);
        if (exited_) return conclude();
      } else if (ended) {
        // The zygote died, and its children with it.
        if (killed_) return std::unexpected(*killed_);
        return fail(ErrorCode::kWorkerLost, "the media process was lost");
      }
      watch();
      if (killed_ && steady_ms() - killed_at_ > kLastWait) return std::unexpected(*killed_);
    }
  }

  const json::object& sandbox() const { return sandbox_; }

 private:
  void take(Link::Message& message) {
    const LooseReader in(message.value);
    if (const auto* layers = in.at("sandbox"); layers != nullptr && layers->is_object()) {
      sandbox_ = layers->get_object();
    }
    if (killed_) return take_end(in);
    if (const auto* source = in.at("source")) {
      const Status go = hooks_.source ? hooks_.source(media_facts_from(*source)) : Status();
      answer(go);
      started_ = steady_ms();  // waiting for admission is not working
    }
    if (in.at("create") != nullptr) {
      hand_over(hooks_.create ? hooks_.create(in.text("create"))
                              : fail(ErrorCode::kInternal, "this job makes no files"));
    }
    if (in.at("open") != nullptr) {
      hand_over(hooks_.open
                    ? hooks_.open(in.text("open"))
                    : fail(ErrorCode::kInternal, "this job reads nothing beside its input"));
    }
    if (in.at("progress") != nullptr && hooks_.progress) {
      std::vector<double> outputs;
      for (const auto& item : in.list("progress")) {
        outputs.push_back(item.is_number() ? item.to_number<double>() : 0.0);
      }
      hooks_.progress(outputs, in.number("speed"));
      // Repeating the same numbers is a sign of life, not of progress.
      if (outputs != last_progress_) {
        last_progress_ = outputs;
        last_sign_ = steady_ms();
      }
    } else {
      last_sign_ = steady_ms();
    }
    if (const auto* made = in.at("made")) result_ = made_from(*made);
    if (const auto* error = in.at("error")) result_ = std::unexpected(error_from(*error));
    take_end(in);
  }

  void take_end(const LooseReader& in) {
    if (const auto* exit = in.at("exit")) {
      exited_ = true;
      signal_ = LooseReader(*exit).small("signal");
    }
  }

  void hand_over(const Result<Fd>& fd) {
    if (fd)
      (void)link_.send(json::object{{"fd", true}}, fd->get());
    else
      answer(std::unexpected(fd.error()));
  }

  void answer(const Status& status) {
    if (status)
      (void)link_.send(json::object{{"go", true}});
    else
      (void)link_.send(json::object{{"error", to_json(status.error())}});
  }

  void watch() {
    const Millis now = steady_ms();
    if (stop_.stop_requested()) {
      end_child({ErrorCode::kCancelled, "the work was stopped", {}});
    } else if (limits_.wall > 0 && now - started_ > limits_.wall) {
      end_child({ErrorCode::kTimedOut, "the work took longer than a unit may take", {}});
    } else if (limits_.stall > 0 && now - last_sign_ > limits_.stall) {
      end_child({ErrorCode::kTimedOut,
                 "the work made no progress for " + std::to_string(limits_.stall / 1000) + " s",
                 {}});
    }
  }

  /// The zygote kills its child when this side of the link says no more: only a parent can be sure
  /// that a process number is still its child's.
  void end_child(Error why) {
    if (killed_) return;
    killed_ = std::move(why);
    killed_at_ = steady_ms();
    link_.finish();
  }

  Result<media::Made> conclude() {
    if (killed_) return std::unexpected(*killed_);
    if (result_ && (signal_ == 0 || !result_->has_value())) return std::move(*result_);
    if (signal_ == SIGXCPU) {
      return fail(ErrorCode::kResourceLimit, "the work used more CPU time than a unit may");
    }
    if (signal_ == SIGXFSZ) {
      return fail(ErrorCode::kResourceLimit, "an output grew larger than a file may");
    }
    if (signal_ == SIGKILL || signal_ == SIGTERM) {
      return fail(ErrorCode::kWorkerLost, "the media process was killed");
    }
    if (signal_ == 0) return fail(ErrorCode::kInternal, "the media process gave no answer");
    return fail(ErrorCode::kInternal,
                "the media process crashed (signal " + std::to_string(signal_) + ")");
  }

  Link& link_;
  const RunLimits& limits_;
  const RunHooks& hooks_;
  std::stop_token stop_;
  Millis started_ = 0;
  Millis last_sign_ = 0;
  int signal_ = 0;
  bool exited_ = false;
  std::optional<Error> killed_;
  Millis killed_at_ = 0;
  std::vector<double> last_progress_;
  std::optional<Result<media::Made>> result_;
  json::object sandbox_;
};

}  // namespace

Result<std::unique_ptr<ChildHost>> ChildHost::start() {
  std::error_code none;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", none);
  const std::string path = (self.parent_path() / "telecine-media").string();
  auto program = open_file(path, O_RDONLY);
  if (!program) {
    return fail(ErrorCode::kInternal,
                path + ", which does the media work, cannot be opened: " + program.error().message +
                    "; it belongs beside the telecine program");
  }
  std::unique_ptr<ChildHost> host(new ChildHost(std::move(*program)));
  {
    const std::lock_guard lock(host->mutex_);
    if (auto spawned = host->spawn(); !spawned) return std::unexpected(spawned.error());
  }
  // An empty file is no media; any other answer means that children do not work here.
  const auto facts = host->probe(-1, {});
  if (!facts && facts.error().code == ErrorCode::kNotMedia) return host;
  return fail(ErrorCode::kInternal, "media processes do not work on this machine: " +
                                        (facts ? "unexpected answer" : facts.error().message));
}

ChildHost::~ChildHost() {
  control_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

Status ChildHost::spawn() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return std::unexpected(errno_error(errno, "socketpair", ErrorCode::kInternal));
  }
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  // Neither may be overwritten before it is copied; nothing else is at these numbers.
  const Fd high(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kProgramFd + 1));
  const Fd program(::fcntl(program_.get(), F_DUPFD_CLOEXEC, kProgramFd + 1));
  posix_spawn_file_actions_adddup2(&actions, high.get(), kControlFd);
  posix_spawn_file_actions_adddup2(&actions, program.get(), kProgramFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kProgramFd + 1);
  // The server blocks the signals it waits for; the zygote must not inherit that.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::array<const char*, 3> arguments = {"telecine-media", "media-host", nullptr};
  // The child needs nothing of our environment, and what it lacks it cannot leak.
  std::array<const char*, 2> environment = {"LC_ALL=C.UTF-8", nullptr};
  const int failed = ::posix_spawn(&pid_, kProgramPath, &actions, &attributes,
                                   const_cast<char* const*>(arguments.data()),
                                   const_cast<char* const*>(environment.data()));
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    pid_ = -1;
    return std::unexpected(errno_error(failed, "starting the media process", ErrorCode::kInternal));
  }
  control_ = std::move(ours);
  return await_ready();
}

/// It says what it is made of once it is warm.
Status ChildHost::await_ready() {
  pollfd waiting{control_.get(), POLLIN, 0};
  std::string said(kMostSaid, '\0');
  const ssize_t size = ::poll(&waiting, 1, kStartTimeout) == 1
                           ? ::recv(control_.get(), said.data(), said.size(), 0)
                           : 0;
  boost::system::error_code broken;
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  const json::value value = json::parse(said, broken);
  if (broken) return fail(ErrorCode::kInternal, "the media process did not start");
  libav_ = libav_from(value);
  return {};
}

Result<Fd> ChildHost::send_order(int input) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return std::unexpected(errno_error(errno, "socketpair", ErrorCode::kInternal));
  }
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  // A child that does not read its answers is not waited for.
  constexpr timeval kSendTimeout{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  const std::lock_guard lock(mutex_);
  if (control_ && send_fds(control_.get(), theirs.get(), input)) return ours;
  if (pid_ > 0) {
    log_warning("the media process is gone; starting another", {});
    end_zygote();
  }
  if (auto spawned = spawn(); !spawned) return std::unexpected(spawned.error());
  if (send_fds(control_.get(), theirs.get(), input)) return ours;
  return fail(ErrorCode::kWorkerLost, "the media process takes no work");
}

/// Between its ends something runs.
class ChildHost::RunCount {
 public:
  explicit RunCount(ChildHost& host) : host_(host) {
    const std::lock_guard lock(host_.mutex_);
    ++host_.running_;
  }
  ~RunCount() {
    const std::lock_guard lock(host_.mutex_);
    --host_.running_;
    host_.last_run_ = steady_ms();
  }
  RunCount(const RunCount&) = delete;
  RunCount& operator=(const RunCount&) = delete;

 private:
  ChildHost& host_;
};

Result<media::Made> ChildHost::run(int input, const MediaJob& job, const RunLimits& limits,
                                   const RunHooks& hooks, std::stop_token stop) {
  const RunCount counted(*this);
  const Fd nothing(input < 0 ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : -1);
  auto socket = send_order(input < 0 ? nothing.get() : input);
  if (!socket) return std::unexpected(socket.error());
  Link link(std::move(*socket));
  if (!link.send(json::object{{"job", to_json(job)}})) {
    return fail(ErrorCode::kWorkerLost, "the media process was lost");
  }
  Conversation conversation(link, limits, hooks, std::move(stop));
  auto made = conversation.hold();
  const LooseReader seen(conversation.sandbox());
  if (seen.at("limits") != nullptr) {
    const std::lock_guard lock(mutex_);
    layers_ = {seen.flag("namespaces"), seen.flag("landlock"), seen.flag("no_new_privileges"),
               seen.flag("seccomp"), seen.flag("limits")};
  }
  return made;
}

Result<MediaFacts> ChildHost::probe(int input, const ChildLimits& limits) {
  MediaJob job;
  job.probe_only = true;
  job.limits = limits;
  constexpr RunLimits kProbe{60'000, 30'000};
  auto made = run(input, job, kProbe, {});
  if (!made) return std::unexpected(made.error());
  return std::move(made->source);
}

void ChildHost::rest_after(Millis unused) {
  const std::lock_guard lock(mutex_);
  if (pid_ <= 0 || running_ > 0 || steady_ms() - last_run_ < unused) return;
  end_zygote();
}

/// At once, whatever it does: nobody who calls this has time to wait for it.
void ChildHost::end_zygote() {
  control_.reset();
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Libav ChildHost::libav() const {
  const std::lock_guard lock(mutex_);
  return libav_;
}

SandboxLayers ChildHost::layers() const {
  const std::lock_guard lock(mutex_);
  return layers_;
}

pid_t ChildHost::zygote() const {
  const std::lock_guard lock(mutex_);
  return pid_;
}

}  // namespace telecine
