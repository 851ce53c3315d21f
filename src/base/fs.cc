#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace telecine {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error errno_error(int number, std::string_view what, ErrorCode code) {
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kOutOfSpace;
  return Error{code, std::string(what) + ": " + std::strerror(number), {}};
}

Result<Fd> open_file(const std::string& path, int flags, int mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return std::unexpected(errno_error(errno, path));
  return fd;
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  std::string data;
  char buffer[65536];
  while (true) {
    const auto n = ::read(fd->get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, path));
    if (n == 0) return data;
    data.append(buffer, static_cast<std::size_t>(n));
    if (data.size() > max_bytes) {
      return fail(ErrorCode::kInvalidParameter,
                  path + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Status write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, "write"));
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status sync_directory(const std::string& directory) {
  auto fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return std::unexpected(fd.error());
  if (::fsync(fd->get()) != 0) return std::unexpected(errno_error(errno, directory));
  return {};
}

Status write_file_durably(const std::string& path, std::string_view data, int mode) {
  const std::string temporary = path + ".new";
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!fd) return std::unexpected(fd.error());
  if (auto written = write_all(fd->get(), data); !written) return written;
  if (::fsync(fd->get()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    return std::unexpected(errno_error(errno, path));
  }
  return sync_directory(std::filesystem::path(path).parent_path().string());
}

Status make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return std::unexpected(errno_error(error.value(), path));
  return {};
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::int64_t free_bytes(const std::string& path) {
  struct statvfs facts{};
  if (::statvfs(path.c_str(), &facts) != 0) return 0;
  return static_cast<std::int64_t>(facts.f_bavail) * static_cast<std::int64_t>(facts.f_frsize);
}

}  // namespace telecine
