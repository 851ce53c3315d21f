#include "http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "http/io_loop.h"
#include "http/listener.h"
#include "http/tls.h"

namespace telecine::http {
namespace {

constexpr int kAcceptedAtOnce = 64;
constexpr auto kGracePoll = std::chrono::milliseconds(5);
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nServer: telecine\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n";

int thread_count(const ServerOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, TlsContext tls, Listener bound)
      : shared{options, Router(), tls != nullptr, tls,
               ConnectionLimits(options.max_connections, options.max_connections_per_peer)},
        listener(std::move(bound)) {}

  void serve(Router router);
  bool accept_waiting();
  IoLoop& least_loaded();
  void refuse(const Accepted& connection);
  Status reload_tls();
  void drain();
  void stop(Millis grace);

  Shared shared;
  Listener listener;
  std::vector<std::unique_ptr<IoLoop>> loops;
  std::vector<std::jthread> threads;
  std::atomic<std::int64_t> accepted{0};
  std::atomic<std::int64_t> refused{0};
  std::atomic<bool> stopped{false};
};

void Server::Impl::serve(Router router) {
  shared.router = std::move(router);
  for (int i = 0; i < thread_count(shared.options); ++i) loops.push_back(IoLoop::create(shared));
  loops.front()->watch(listener.duplicate(), [this] { return accept_waiting(); });
  for (auto& loop : loops) threads.emplace_back([&loop = *loop] { loop.run(); });
}

/// Called by the first loop. Connections go to the loop that has the fewest: evenly, where
/// SO_REUSEPORT would spread a handful of busy clients by the luck of a hash.
bool Server::Impl::accept_waiting() {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    int error = 0;
    auto connection = listener.accept(error);
    if (!connection) {
      if (error != 0 && !shared.draining) {
        log_warning("connections cannot be accepted", {{"why", std::strerror(error)}});
      }
      return error == 0;
    }
    if (!shared.limits.admit(connection->peer)) {
      refuse(*connection);
      continue;
    }
    accepted.fetch_add(1, std::memory_order_relaxed);
    least_loaded().adopt(*std::move(connection));
  }
  return true;
}

IoLoop& Server::Impl::least_loaded() {
  const auto at = std::ranges::min_element(loops, {}, [](const auto& loop) {
    return loop->counters.open.load(std::memory_order_relaxed);
  });
  return **at;
}

void Server::Impl::refuse(const Accepted& connection) {
  refused.fetch_add(1, std::memory_order_relaxed);
  if (shared.tls) return;
  static_cast<void>(
      ::send(connection.socket.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

Status Server::Impl::reload_tls() {
  if (!shared.tls) return {};
  auto loaded = load_tls(shared.options.tls_certificate, shared.options.tls_key);
  if (!loaded) return std::unexpected(loaded.error());
  shared.context.store(*std::move(loaded));
  return {};
}

void Server::Impl::drain() {
  if (shared.draining.exchange(true)) return;
  listener.shut();
  for (auto& loop : loops) loop->drain();
}

void Server::Impl::stop(Millis grace) {
  if (stopped.exchange(true)) return;
  drain();
  const auto until = steady_ms() + grace;
  while (shared.limits.open() > 0 && steady_ms() < until) std::this_thread::sleep_for(kGracePoll);
  for (auto& loop : loops) {
    loop->abort();
    loop->finish();
  }
  threads.clear();
}

Result<std::unique_ptr<Server>> Server::listen(ServerOptions options) {
  TlsContext tls;
  if (!options.tls_certificate.empty()) {
    auto loaded = load_tls(options.tls_certificate, options.tls_key);
    if (!loaded) return std::unexpected(loaded.error());
    tls = *std::move(loaded);
  }
  auto listener = Listener::open(options.host, options.port);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<Server>(
      new Server(std::make_unique<Impl>(std::move(options), std::move(tls), *std::move(listener))));
}

void Server::serve(Router router) {
  impl_->serve(std::move(router));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  impl_->stop(0);
}

int Server::port() const {
  return impl_->listener.port();
}
std::string Server::address() const {
  return impl_->listener.address();
}

ServerCounters Server::counters() const {
  ServerCounters out;
  out.open = impl_->shared.limits.open();
  out.accepted = impl_->accepted.load(std::memory_order_relaxed);
  out.refused = impl_->refused.load(std::memory_order_relaxed);
  for (const auto& loop : impl_->loops) {
    out.requests += loop->counters.requests.load(std::memory_order_relaxed);
    out.timed_out += loop->counters.timed_out.load(std::memory_order_relaxed);
    out.streams += loop->counters.streams.load(std::memory_order_relaxed);
  }
  return out;
}

Status Server::reload_tls() {
  return impl_->reload_tls();
}
void Server::stop_accepting() {
  impl_->drain();
}
void Server::stop(Millis grace) {
  impl_->stop(grace);
}

}  // namespace telecine::http
