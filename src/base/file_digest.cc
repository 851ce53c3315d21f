#include "base/file_digest.h"

#include <unistd.h>

#include <cerrno>

#include "base/crypto.h"
#include "base/fs.h"

namespace telecine {

Result<std::string> md5_of(int fd, const std::stop_token& stop) {
  Digest digest = Digest::md5();
  std::string buffer(1 << 20, '\0');
  std::int64_t at = 0;
  while (!stop.stop_requested()) {
    const auto n = ::pread(fd, buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, "reading", ErrorCode::kInternal));
    if (n == 0) return digest.finish_hex();
    digest.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    at += n;
  }
  return fail(ErrorCode::kCancelled, "the work was stopped");
}

}  // namespace telecine
