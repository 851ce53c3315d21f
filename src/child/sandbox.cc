#include "child/sandbox.h"

#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

// The sanitizers' own shadow memory needs far more address space than any limit leaves, and their
// runtimes open files under /proc.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TELECINE_SANITIZED 1
#else
#define TELECINE_SANITIZED 0
#endif

namespace telecine {
namespace {

/// An empty rule set that handles every right: nothing can be opened, made or removed by path.
bool forbid_paths() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return false;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) attributes.handled_access_fs |= 1ULL << 13;  // REFER, not in bookworm's header
  if (abi >= 3) attributes.handled_access_fs |= 1ULL << 14;  // TRUNCATE
  const long rules = ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (rules < 0) return false;
  const bool ok = ::syscall(SYS_landlock_restrict_self, static_cast<int>(rules), 0) == 0;
  ::close(static_cast<int>(rules));
  return ok;
}

bool limit(__rlimit_resource which, std::int64_t value) {
  const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  return ::setrlimit(which, &both) == 0;
}

/// What decoding, encoding and threads need, and nothing that reaches outside the process.
constexpr std::array kAllowed = {SCMP_SYS(read),
                                 SCMP_SYS(write),
                                 SCMP_SYS(readv),
                                 SCMP_SYS(writev),
                                 SCMP_SYS(pread64),
                                 SCMP_SYS(pwrite64),
                                 SCMP_SYS(lseek),
                                 SCMP_SYS(close),
                                 SCMP_SYS(fstat),
                                 SCMP_SYS(newfstatat),
                                 SCMP_SYS(ftruncate),
                                 SCMP_SYS(fallocate),
                                 SCMP_SYS(fsync),
                                 SCMP_SYS(fdatasync),
                                 SCMP_SYS(dup),
                                 SCMP_SYS(fcntl),
                                 SCMP_SYS(mmap),
                                 SCMP_SYS(munmap),
                                 SCMP_SYS(mprotect),
                                 SCMP_SYS(mremap),
                                 SCMP_SYS(madvise),
                                 SCMP_SYS(brk),
                                 SCMP_SYS(futex),
                                 SCMP_SYS(set_robust_list),
                                 SCMP_SYS(get_robust_list),
                                 SCMP_SYS(rseq),
                                 SCMP_SYS(set_tid_address),
                                 SCMP_SYS(membarrier),
                                 SCMP_SYS(sched_yield),
                                 SCMP_SYS(sched_getaffinity),
                                 SCMP_SYS(sched_getparam),
                                 SCMP_SYS(sched_getscheduler),
                                 SCMP_SYS(getcpu),
                                 SCMP_SYS(getpid),
                                 SCMP_SYS(gettid),
                                 SCMP_SYS(getppid),
                                 SCMP_SYS(getuid),
                                 SCMP_SYS(geteuid),
                                 SCMP_SYS(getgid),
                                 SCMP_SYS(getegid),
                                 SCMP_SYS(exit),
                                 SCMP_SYS(exit_group),
                                 SCMP_SYS(rt_sigaction),
                                 SCMP_SYS(rt_sigprocmask),
                                 SCMP_SYS(rt_sigreturn),
                                 SCMP_SYS(sigaltstack),
                                 SCMP_SYS(tgkill),
                                 SCMP_SYS(restart_syscall),
                                 SCMP_SYS(clock_gettime),
                                 SCMP_SYS(clock_getres),
                                 SCMP_SYS(clock_nanosleep),
                                 SCMP_SYS(nanosleep),
                                 SCMP_SYS(gettimeofday),
                                 SCMP_SYS(time),
                                 SCMP_SYS(getrandom),
                                 SCMP_SYS(sendmsg),
                                 SCMP_SYS(recvmsg),
                                 SCMP_SYS(sendto),
                                 SCMP_SYS(recvfrom),
                                 SCMP_SYS(poll),
                                 SCMP_SYS(ppoll),
                                 SCMP_SYS(getrusage),
                                 SCMP_SYS(sysinfo),
                                 SCMP_SYS(uname),
                                 SCMP_SYS(get_mempolicy)};

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

bool filter_system_calls() {
  const std::unique_ptr<void, FilterDeleter> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return false;
  bool ok = true;
  const auto rule = [&](std::uint32_t action, int call) {
    ok = ok && seccomp_rule_add(filter.get(), action, call, 0) == 0;
  };
  for (const int call : kAllowed) rule(SCMP_ACT_ALLOW, call);
  // Threads, but no processes. glibc falls back from clone3 to clone, whose flags can be seen.
  rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  ok = ok && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0;
  ok = ok && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                              SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) == 0;
  // Reading limits, not setting them: the third argument is the new value.
  ok = ok && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                              SCMP_A2(SCMP_CMP_EQ, 0)) == 0;
  rule(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open));
  rule(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat));
#if TELECINE_SANITIZED
  return ok;
#else
  return ok && seccomp_load(filter.get()) == 0;
#endif
}

}  // namespace

void enter_zygote_sandbox(SandboxLayers& layers) {
  layers.no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#if !TELECINE_SANITIZED
  layers.namespaces =
      ::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) == 0;
  layers.landlock = forbid_paths();
#else
  (void)forbid_paths;
#endif
}

Status enter_child_sandbox(const ChildLimits& limits, SandboxLayers& layers) {
  layers.limits = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 256);
#if !TELECINE_SANITIZED
  if (limits.memory > 0) layers.limits = layers.limits && limit(RLIMIT_AS, limits.memory);
#endif
  if (limits.cpu_seconds > 0)
    layers.limits = layers.limits && limit(RLIMIT_CPU, limits.cpu_seconds);
  if (limits.file_bytes > 0)
    layers.limits = layers.limits && limit(RLIMIT_FSIZE, limits.file_bytes);
  layers.seccomp = filter_system_calls();
  if (!layers.seccomp) {
    return fail(ErrorCode::kInternal, "the system-call filter could not be installed");
  }
  return {};
}

}  // namespace telecine
