#include "media/io.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace telecine::media {
namespace {

// Large enough that demuxers seldom seek out of the buffer and system calls do not count.
constexpr int kReadBuffer = 256 * 1024;
constexpr int kWriteBuffer = 256 * 1024;

int read_packet(void* self, std::uint8_t* buffer, int size) {
  return static_cast<ReadIo*>(self)->read(buffer, size);
}
std::int64_t seek_read(void* self, std::int64_t offset, int whence) {
  return static_cast<ReadIo*>(self)->seek(offset, whence);
}
int write_packet(void* self, std::uint8_t* data, int size) {
  return static_cast<WriteIo*>(self)->write(data, size);
}
std::int64_t seek_write(void* self, std::int64_t offset, int whence) {
  return static_cast<WriteIo*>(self)->seek(offset, whence);
}

template <typename Read, typename Write, typename Seek>
IoPtr make_io(void* self, int size, Read read, Write write, Seek seek) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(static_cast<std::size_t>(size)));
  if (buffer == nullptr) throw std::bad_alloc();
  IoPtr io(avio_alloc_context(buffer, size, write != nullptr ? 1 : 0, self, read, write, seek));
  if (!io) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  return io;
}

std::int64_t seek_in(std::int64_t at, std::int64_t size, std::int64_t offset, int whence) {
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return size;
    case SEEK_SET:
      return offset;
    case SEEK_CUR:
      return at + offset;
    case SEEK_END:
      return size + offset;
    default:
      return AVERROR(EINVAL);
  }
}

}  // namespace

void FreeIo::operator()(AVIOContext* io) const {
  // libav may have replaced the buffer it was given.
  av_freep(&io->buffer);
  avio_context_free(&io);
}

ReadIo::ReadIo(int fd) : fd_(fd), size_(file_size(fd).value_or(0)) {
  io_ = make_io(this, kReadBuffer, read_packet,
                static_cast<int (*)(void*, std::uint8_t*, int)>(nullptr), seek_read);
}

int ReadIo::read(std::uint8_t* buffer, int size) {
  while (true) {
    const auto n = ::pread(fd_, buffer, static_cast<std::size_t>(size), at_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return AVERROR(errno);
    if (n == 0) return AVERROR_EOF;
    at_ += n;
    return static_cast<int>(n);
  }
}

std::int64_t ReadIo::seek(std::int64_t offset, int whence) {
  const std::int64_t to = seek_in(at_, size_, offset, whence);
  if ((whence & ~AVSEEK_FORCE) == AVSEEK_SIZE) return to;
  if (to < 0) return AVERROR(EINVAL);
  return at_ = to;
}

WriteIo::WriteIo(int fd) : fd_(fd) {
  io_ = make_io(this, kWriteBuffer, static_cast<int (*)(void*, std::uint8_t*, int)>(nullptr),
                write_packet, seek_write);
}

int WriteIo::write(const std::uint8_t* data, int size) {
  int left = size;
  while (left > 0) {
    const auto n = ::pwrite(fd_, data, static_cast<std::size_t>(left), at_ - base_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      if (error_ == 0) error_ = AVERROR(errno);
      return AVERROR(errno);
    }
    data += n;
    left -= static_cast<int>(n);
    at_ += n;
    size_ = std::max(size_, at_ - base_);
  }
  return size;
}

std::int64_t WriteIo::seek(std::int64_t offset, int whence) {
  const std::int64_t to = seek_in(at_, base_ + size_, offset, whence);
  if ((whence & ~AVSEEK_FORCE) == AVSEEK_SIZE) return to;
  if (to < base_) return AVERROR(EINVAL);
  return at_ = to;
}

Status WriteIo::flush() {
  avio_flush(io_.get());
  const int error = error_ != 0 ? error_ : io_->error;
  if (error < 0) {
    return std::unexpected(
        av_error(error, "the output could not be written", ErrorCode::kStorageUnavailable));
  }
  return {};
}

void WriteIo::retarget(int fd) {
  fd_ = fd;
  base_ = at_ = io_->pos;
  size_ = 0;
}

Result<std::int64_t> file_size(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::kNotMedia, "the input is not a regular file");
  }
  return static_cast<std::int64_t>(facts.st_size);
}

Status write_whole(int fd, std::string_view data, std::int64_t at) {
  while (!data.empty()) {
    const auto n = ::pwrite(fd, data.data(), data.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, "the output could not be written"));
    data.remove_prefix(static_cast<std::size_t>(n));
    at += n;
  }
  return {};
}

}  // namespace telecine::media
