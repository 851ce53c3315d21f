#include "http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace telecine::http {
namespace {

constexpr int kBacklog = 4096;

struct Endpoint {
  std::string host;
  int port = 0;
};

Endpoint endpoint_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const auto* bytes = v6.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, bytes + 12, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, bytes, text.data(), text.size());
  }
  return {text.data(), ntohs(v6.sin6_port)};
}

std::string joined(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  const auto [host, port] = endpoint_of(address);
  return joined(host, port);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto service = std::to_string(port);
  if (const int code = getaddrinfo(host.c_str(), service.c_str(), &hints, &found); code != 0) {
    return fail(ErrorCode::kInvalidParameter, "cannot listen on \"" + host +
                                                  "\": " + gai_strerror(code) +
                                                  "; give an address of this machine");
  }
  return Addresses(found, &freeaddrinfo);
}

Error cannot_listen(const std::string& where, int number) {
  if (number == EADDRINUSE) {
    return {ErrorCode::kConflict, where + " is already in use; choose another with --listen", {}};
  }
  if (number == EACCES) {
    return {ErrorCode::kForbidden,
            "not allowed to listen on " + where + "; choose a port above 1023 with --listen",
            {}};
  }
  return {
      ErrorCode::kInvalidParameter, "cannot listen on " + where + ": " + std::strerror(number), {}};
}

/// The listening socket, or the errno.
std::expected<Fd, int> bind_to(const sockaddr* address, socklen_t size, bool both_families) {
  Fd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->sa_family == AF_INET6) {
    const int only_v6 = both_families ? 0 : 1;
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  }
  if (::bind(fd.get(), address, size) != 0) return std::unexpected(errno);
  if (::listen(fd.get(), kBacklog) != 0) return std::unexpected(errno);
  return fd;
}

std::expected<Fd, int> bind_everywhere(int port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  auto fd = bind_to(reinterpret_cast<const sockaddr*>(&v6), sizeof v6, true);
  if (fd || fd.error() != EAFNOSUPPORT) return fd;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(port));
  return bind_to(reinterpret_cast<const sockaddr*>(&v4), sizeof v4, false);
}

/// Prefers IPv4 where a name has both, as "localhost" does.
const addrinfo* preferred(const addrinfo* list) {
  for (const auto* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET) return at;
  }
  return list;
}

}  // namespace

Result<Listener> Listener::open(const std::string& host, int port) {
  const bool everywhere = host.empty() || host == "*";
  const auto where = joined(everywhere ? "*" : host, port);
  if (port < 0 || port > 65'535) {
    return fail(ErrorCode::kInvalidParameter, where + ": a port lies between 0 and 65535");
  }
  std::expected<Fd, int> fd;
  if (everywhere) {
    fd = bind_everywhere(port);
  } else {
    const auto addresses = resolve(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    const auto* chosen = preferred(addresses->get());
    fd = bind_to(chosen->ai_addr, chosen->ai_addrlen, false);
  }
  if (!fd) return std::unexpected(cannot_listen(where, fd.error()));
  Listener listener;
  listener.socket_ = *std::move(fd);
  listener.address_ = local_address(listener.socket_.get());
  listener.port_ = std::stoi(listener.address_.substr(listener.address_.rfind(':') + 1));
  return listener;
}

Fd Listener::duplicate() const {
  return Fd(fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
}

std::optional<Accepted> Listener::accept(int& error) {
  for (;;) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Fd fd(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto local = local_address(fd.get());
      return Accepted{std::move(fd), endpoint_of(address).host, std::move(local)};
    }
    // The client was gone before we came: look for the next one (accept(2)).
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    error = errno == EAGAIN ? 0 : errno;
    return std::nullopt;
  }
}

void Listener::shut() {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

bool ConnectionLimits::admit(const std::string& peer) {
  std::lock_guard lock(mutex_);
  if (open_ >= total_) return false;
  if (per_peer_ > 0) {
    auto& count = peers_[peer];
    if (count >= per_peer_) return false;
    ++count;
  }
  ++open_;
  return true;
}

void ConnectionLimits::release(const std::string& peer) {
  std::lock_guard lock(mutex_);
  --open_;
  if (per_peer_ <= 0) return;
  const auto at = peers_.find(peer);
  if (at != peers_.end() && --at->second == 0) peers_.erase(at);
}

int ConnectionLimits::open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace telecine::http
