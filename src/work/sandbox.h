#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace telecine {

/// What keeps a media process from doing anything but its work. The first group is entered once by
/// the zygote and inherited, so that it costs nothing per task; the second by each child.
struct SandboxLayers {
  bool namespaces = false;  ///< user, network, IPC, UTS and mount namespaces of its own
  bool landlock = false;    ///< no file can be opened by path
  bool no_new_privileges = false;
  bool seccomp = false;  ///< about 60 system calls; none opens files, sockets or programs
  bool limits = false;   ///< memory, CPU time, file size, descriptors, no core files
};

struct ChildLimits {
  std::int64_t memory = 0;       ///< bytes of address space; 0: none
  std::int64_t cpu_seconds = 0;  ///< 0: none
  std::int64_t file_bytes = 0;   ///< largest file; 0: none
};

/// In the zygote, single-threaded, after everything that opens files by path. A layer the kernel
/// or the container refuses stays off; the others do not depend on it.
void enter_zygote_sandbox(SandboxLayers& layers);
/// In a child, before it touches the input. An error means that the child must not go on.
Status enter_child_sandbox(const ChildLimits& limits, SandboxLayers& layers);

/// Which layers a child of this machine would have; for `doctor` and `/healthz`.
std::vector<std::pair<std::string, bool>> listed(const SandboxLayers& layers);

}  // namespace telecine
