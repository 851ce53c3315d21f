#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

// What a media process says of itself.
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
/// Which layers a child of this machine would have; for `doctor` and `/healthz`.
std::vector<std::pair<std::string, bool>> listed(const SandboxLayers& layers);

/// The libav that a media process is linked with.
struct Libav {
  std::string version;    ///< "5.1.9"
  std::string libraries;  ///< the same as it was built, and of each of its libraries
  /// What Telecine asks of it.
  struct Parts {
    std::string kind;  ///< "encoders"
    int present = 0;
    std::vector<std::string> absent;
    bool needed = false;  ///< nothing works without
  };
  std::vector<Parts> parts;
};
json::object to_json(const Libav& libav);
Libav libav_from(const json::value& value);

}  // namespace telecine
