#include "app/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/fs.h"
#include "base/text.h"

namespace telecine::app {
namespace {

/// The first line of a file of this process's control group (version 2), or nothing.
std::string control_group(const std::string& file) {
  constexpr std::size_t kMost = 64 * 1024;
  const auto membership = read_file("/proc/self/cgroup", kMost);
  if (!membership) return {};
  for (const auto line : split(*membership, '\n')) {
    if (!line.starts_with("0::")) continue;
    for (const std::string& path : {std::string(line.substr(3)), std::string()}) {
      const auto text = read_file("/sys/fs/cgroup" + path + "/" + file, kMost);
      if (text) return std::string(trim(*text));
    }
  }
  return {};
}

}  // namespace

int machine_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  int cores = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0
                  ? CPU_COUNT(&allowed)
                  : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const std::string quota = control_group("cpu.max");  // "<quota or max> <period>"
  const auto parts = split(quota, ' ');
  if (parts.size() == 2) {
    const auto most = parse_int(parts[0]);
    const auto period = parse_int(parts[1]);
    if (most && period && *period > 0) {
      cores = std::min(cores, static_cast<int>((*most + *period - 1) / *period));
    }
  }
  return std::max(1, cores);
}

std::int64_t machine_memory() {
  const std::int64_t whole = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  const auto limit = parse_int(control_group("memory.max"));
  return limit && *limit > 0 ? std::min(whole, *limit) : whole;
}

}  // namespace telecine::app
