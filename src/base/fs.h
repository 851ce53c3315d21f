#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace telecine {

/// An open file descriptor, closed with the object.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// Messages name the path: for the operator's own files, not for callers' paths.
Result<Fd> open_file(const std::string& path, int flags, int mode = 0640);
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
/// All of it or an error; kOutOfSpace when the disk is full.
Status write_all(int fd, std::string_view data);
/// Writes beside `path`, syncs, renames over it, syncs the directory: after a power loss the file
/// holds either the old or the new bytes.
Status write_file_durably(const std::string& path, std::string_view data, int mode = 0640);
Status sync_directory(const std::string& directory);
Status make_directories(const std::string& path);
/// A file or a tree; absent is success.
void remove_tree(const std::string& path);
std::int64_t free_bytes(const std::string& path);
/// errno as an Error: ENOSPC and EDQUOT are kOutOfSpace, the rest kStorageUnavailable or `code`.
Error errno_error(int number, std::string_view what,
                  ErrorCode code = ErrorCode::kStorageUnavailable);

}  // namespace telecine
