#include "object/beneath.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostNameBytes = 1024;
constexpr std::size_t kMostLevels = 16;
/// openat2 gives EAGAIN when something was renamed while it looked for "..".
constexpr int kTries = 32;

// Regular files by their mode, but windows into the kernel by their content.
constexpr std::array<std::uint32_t, 9> kPseudo = {
    PROC_SUPER_MAGIC,   SYSFS_MAGIC,         DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC,
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,  SELINUX_MAGIC};

bool is_pseudo(int fd) {
  struct statfs facts{};
  if (::fstatfs(fd, &facts) != 0) return true;
  const auto type = static_cast<std::uint32_t>(facts.f_type);
  return std::ranges::find(kPseudo, type) != kPseudo.end();
}

}  // namespace

std::expected<Fd, int> open_beneath(int at, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kTries; ++i) {
    const long fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) return std::unexpected(errno);
  }
  return std::unexpected(EAGAIN);
}

std::expected<Fd, int> open_regular_beneath(int at, const std::string& path) {
  auto fd = open_beneath(at, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return fd;
  struct stat facts{};
  if (::fstat(fd->get(), &facts) != 0) return std::unexpected(errno);
  if (!S_ISREG(facts.st_mode) || is_pseudo(fd->get())) return std::unexpected(EACCES);
  ::fcntl(fd->get(), F_SETFL, 0);  // O_NONBLOCK was only for the opening
  return fd;
}

bool is_object_name(std::string_view name) {
  if (name.empty() || name.size() > kMostNameBytes || !is_valid_utf8(name)) return false;
  const bool control = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return false;
  std::size_t levels = 0;
  for (std::size_t begin = 0; begin <= name.size(); ++levels) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return levels <= kMostLevels;
}

SplitName split_name(std::string_view name) {
  const auto slash = name.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string(name)};
  return {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

}  // namespace telecine::object
