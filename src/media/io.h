#pragma once

#include <cstdint>
#include <memory>

#include "base/fs.h"
#include "media/av.h"

namespace telecine::media {

/// Every byte libav reads or writes passes here: descriptors only, never a path or a URL.

struct FreeIo {
  void operator()(AVIOContext* io) const;
};
using IoPtr = std::unique_ptr<AVIOContext, FreeIo>;

/// Reads a regular file with pread: the descriptor's own offset is neither used nor moved, so
/// several readers may share it. Seekable.
class ReadIo {
 public:
  /// `fd` stays the caller's and must outlive this.
  explicit ReadIo(int fd);
  ReadIo(const ReadIo&) = delete;
  ReadIo& operator=(const ReadIo&) = delete;

  AVIOContext* get() { return io_.get(); }
  int fd() const { return fd_; }
  std::int64_t size() const { return size_; }
  int read(std::uint8_t* buffer, int size);
  std::int64_t seek(std::int64_t offset, int whence);

 private:
  int fd_;
  std::int64_t size_ = 0;
  std::int64_t at_ = 0;
  IoPtr io_;
};

/// Writes a regular file with pwrite. Seekable, so that headers can be patched. The target may be
/// exchanged between files when `get()` has been flushed.
class WriteIo {
 public:
  /// `fd` stays the caller's and must outlive this; -1 until `retarget`.
  explicit WriteIo(int fd = -1);
  WriteIo(const WriteIo&) = delete;
  WriteIo& operator=(const WriteIo&) = delete;

  AVIOContext* get() { return io_.get(); }
  /// Pushes out what is buffered; the sticky error of this and all earlier writes.
  Status flush();
  /// Makes what follows go to the start of another file. Call after `flush`.
  void retarget(int fd);
  /// Bytes the current target holds.
  std::int64_t size() const { return size_; }

  int write(const std::uint8_t* data, int size);
  std::int64_t seek(std::int64_t offset, int whence);

 private:
  int fd_;
  std::int64_t base_ = 0;  // libav's position of the target's first byte: it never goes back to 0
  std::int64_t at_ = 0;    // libav's position
  std::int64_t size_ = 0;
  int error_ = 0;  // AVERROR of the first failed write
  IoPtr io_;
};

/// Size of an open regular file; kNotMedia when it is none.
Result<std::int64_t> file_size(int fd);
/// pwrite of all of `data`.
Status write_whole(int fd, std::string_view data, std::int64_t at = 0);

}  // namespace telecine::media
