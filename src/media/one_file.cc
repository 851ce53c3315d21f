#include "media/one_file.h"

#include <fcntl.h>

namespace telecine::media {

Result<Fd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return std::unexpected(errno_error(errno, "joining the sources"));
  return Fd(copy);
}

Result<Fd> OneFile::create(const std::string&) {
  auto fd = files_.create(name_);
  if (!fd) return fd;
  auto kept = duplicate(fd->get());
  if (!kept) return kept;
  kept_ = std::move(*kept);
  return fd;
}

}  // namespace telecine::media
