#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace telecine::object {

/// Opens `path` below the directory `at`: the kernel itself refuses to leave it by "..", an
/// absolute path, a symbolic link or a /proc link, whatever changes meanwhile. The error is an
/// errno: EXDEV for leaving, ELOOP for a link, ENOSYS on kernels before 5.6.
std::expected<Fd, int> open_beneath(int at, const std::string& path, int flags);

/// The same for reading a regular file of a real file system: no pipe, device, directory, nor the
/// kernel's own pseudo files. Never waits for a pipe's other end. EACCES for what is not regular.
std::expected<Fd, int> open_regular_beneath(int at, const std::string& path);

/// A relative path of '/'-separated components that is safe as an object's name: 1 to 1024 bytes
/// of UTF-8, no empty, "." or ".." component, no control characters, at most 16 levels.
bool is_object_name(std::string_view name);

/// "a/b/c.mp4" as "a/b" and "c.mp4"; the directory of "c.mp4" is ".".
struct SplitName {
  std::string directory;
  std::string base;
};
SplitName split_name(std::string_view name);

}  // namespace telecine::object
