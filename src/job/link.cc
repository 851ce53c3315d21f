#include "job/link.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace telecine {

Status Link::send(const json::value& message, int fd) {
  std::string line = json::serialize(message);
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    iovec piece{const_cast<char*>(rest.data()), rest.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (fd >= 0) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      cmsghdr* part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(part), &fd, sizeof(int));
    }
    const auto n = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, "link", ErrorCode::kInternal));
    rest.remove_prefix(static_cast<std::size_t>(n));
    fd = -1;
  }
  return {};
}

Result<std::optional<Link::Message>> Link::receive(int timeout_ms, bool& ended) {
  ended = false;
  while (true) {
    const auto newline = buffer_.find('\n');
    if (newline != std::string::npos) {
      auto value = parse_json(std::string_view(buffer_).substr(0, newline));
      buffer_.erase(0, newline + 1);
      if (!value) return std::nullopt;
      return Message{std::move(*value), std::move(pending_fd_)};
    }
    if (buffer_.size() > kMaxLine) return fail(ErrorCode::kInternal, "a message is too long");
    pollfd waiting{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return std::nullopt;
    char bytes[65536];
    iovec piece{bytes, sizeof bytes};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const auto n = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ended = true;
      return std::nullopt;
    }
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
      pending_fd_ = Fd(fd);
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
  }
}

Status Link::end_line() {
  if (::send(socket_.get(), "\n", 1, MSG_NOSIGNAL) != 1) {
    return std::unexpected(errno_error(errno, "link", ErrorCode::kInternal));
  }
  return {};
}

void Link::finish() {
  ::shutdown(socket_.get(), SHUT_WR);
}

Result<Link::Message> Link::ask(const json::value& message) {
  const std::lock_guard lock(turn_);
  if (auto sent = send(message); !sent) return std::unexpected(sent.error());
  bool ended = false;
  auto answer = receive(-1, ended);
  if (!answer) return std::unexpected(answer.error());
  if (!*answer) return fail(ErrorCode::kInternal, "the worker is gone");
  return std::move(**answer);
}

Status Link::tell(const json::value& message) {
  const std::lock_guard lock(turn_);
  return send(message);
}

}  // namespace telecine
