#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

#include "base/log.h"
#include "http/session.h"

namespace telecine::http {

extern template class Session<Socket>;
extern template class Session<TlsSocket>;

namespace {

constexpr Millis kAcceptPause = 100;
constexpr Millis kMaxTick = 1'000;
constexpr Millis kMinTick = 20;

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

/// A second, unless a time-out is so short that it would be missed by much.
Millis tick_length(const ServerOptions& options) {
  const auto shortest = std::min({options.header_timeout, options.body_idle_timeout,
                                  options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 4, kMinTick, kMaxTick);
}

/// Signals belong to the main thread, and a write to a closed connection is an error to us, not
/// the end of the process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int kept : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, kept);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void log_escaped(const std::exception_ptr& problem) {
  if (!problem) return;
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& e) {
    log_error("a connection failed", {{"what", e.what()}});
  }
}

class IoThread final : public IoLoop, public Mailbox::Owner {
 public:
  explicit IoThread(Shared& shared)
      : shared_(shared),
        loop_{shared, counters, std::make_shared<Mailbox>(*this), {}, http_date(now_ms())},
        guard_(context_.get_executor()),
        timer_(context_.get_executor()),
        listener_(context_.get_executor()),
        tick_(tick_length(shared.options)) {}

  void run() override;
  void watch(Fd listener, std::function<bool()> ready) override;
  void adopt(Accepted connection) override;
  void drain() override {
    asio::post(context_, [this] { each_session(&SessionBase::drain); });
  }
  void abort() override {
    asio::post(context_, [this] {
      aborting_ = true;
      each_session(&SessionBase::abort);
    });
  }
  void finish() override;

  void wake() override {
    asio::post(context_, [this] { read_mail(); });
  }
  void deliver(Letter letter) override;

 private:
  static Task<void> accept_connections(IoThread* self);
  template <typename Connection>
  void start(const Accepted& accepted, Connection stream);
  void start_connection(Accepted accepted);
  asio::ssl::context& tls_context();
  void read_mail();
  void schedule_tick();
  void tick();
  template <typename Call>
  void each_session(Call call) {
    for (std::uint32_t i = 0; i < loop_.sessions.size(); ++i) {
      if (auto* session = loop_.sessions.at(i)) (session->*call)();
    }
  }

  Shared& shared_;
  LoopContext loop_;
  TlsContext used_context_;
  std::optional<asio::ssl::context> tls_;  ///< a second owner of it
  std::vector<Letter> letters_;
  std::function<bool()> ready_;
  asio::io_context context_{1};
  asio::executor_work_guard<Executor> guard_;
  Timer timer_;
  Descriptor listener_;
  const Millis tick_;
  bool finished_ = false;
  bool aborting_ = false;
};

void IoThread::run() {
  block_signals();
  loop_.mailbox->claim_thread();
  schedule_tick();
  for (;;) {
    try {
      context_.run();
      break;
    } catch (const std::exception& problem) {
      log_error("an event loop caught a stray exception", {{"what", problem.what()}});
    }
  }
  loop_.mailbox->close();
}

void IoThread::watch(Fd listener, std::function<bool()> ready) {
  ready_ = std::move(ready);
  listener_.assign(listener.release());
  asio::co_spawn(context_, accept_connections(this), log_escaped);
}

Task<void> IoThread::accept_connections(IoThread* self) {
  Timer pause(self->context_.get_executor());
  for (;;) {
    const auto [code] =
        co_await self->listener_.async_wait(asio::posix::descriptor_base::wait_read, kNoThrow);
    if (code || self->finished_ || self->shared_.draining) break;
    if (self->ready_()) continue;
    pause.expires_after(std::chrono::milliseconds(kAcceptPause));
    co_await pause.async_wait(kNoThrow);
  }
  boost::system::error_code ignored;
  self->listener_.close(ignored);
}

void IoThread::adopt(Accepted connection) {
  counters.open.fetch_add(1, std::memory_order_relaxed);
  if (context_.get_executor().running_in_this_thread()) {
    start_connection(std::move(connection));
    return;
  }
  asio::post(context_, [this, accepted = std::move(connection)]() mutable {
    start_connection(std::move(accepted));
  });
}

void IoThread::start_connection(Accepted accepted) {
  const bool v6 = accepted.local.starts_with('[');
  Socket socket(context_.get_executor());
  boost::system::error_code code;
  socket.assign(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), accepted.socket.get(), code);
  if (code || aborting_ || shared_.draining) {
    shared_.limits.release(accepted.peer);
    counters.open.fetch_sub(1, std::memory_order_relaxed);
    if (!code) accepted.socket.release();
    return;
  }
  accepted.socket.release();
  socket.native_non_blocking(true, code);
  if (shared_.tls) {
    start(accepted, TlsSocket(std::move(socket), tls_context()));
  } else {
    start(accepted, std::move(socket));
  }
}

asio::ssl::context& IoThread::tls_context() {
  if (auto current = shared_.context.load(); current != used_context_) {
    SSL_CTX_up_ref(current.get());
    tls_.emplace(current.get());
    used_context_ = std::move(current);
  }
  return *tls_;
}

template <typename Connection>
void IoThread::start(const Accepted& accepted, Connection stream) {
  auto session = std::make_shared<Session<Connection>>(loop_, accepted, std::move(stream));
  asio::co_spawn(context_, Session<Connection>::run(std::move(session)), log_escaped);
}

void IoThread::deliver(Letter letter) {
  if (auto* session = loop_.sessions.at(letter.ticket.slot)) {
    session->deliver(std::move(letter));
  } else {
    discard(letter.response);
  }
}

void IoThread::read_mail() {
  loop_.mailbox->take(letters_);
  for (auto& letter : letters_) deliver(std::move(letter));
  letters_.clear();
}

void IoThread::schedule_tick() {
  timer_.expires_after(std::chrono::milliseconds(tick_));
  timer_.async_wait([this](boost::system::error_code code) {
    if (code == asio::error::operation_aborted && finished_ && loop_.sessions.empty()) return;
    tick();
  });
}

void IoThread::tick() {
  if (finished_ && loop_.sessions.empty()) return;
  loop_.date = http_date(now_ms());
  const auto now = steady_ms();
  for (std::uint32_t i = 0; i < loop_.sessions.size(); ++i) {
    if (auto* session = loop_.sessions.at(i)) session->tick(now);
  }
  schedule_tick();
}

void IoThread::finish() {
  asio::post(context_, [this] {
    finished_ = true;
    guard_.reset();
    boost::system::error_code ignored;
    listener_.close(ignored);
    timer_.cancel();
  });
}

}  // namespace

std::unique_ptr<IoLoop> IoLoop::create(Shared& shared) {
  return std::make_unique<IoThread>(shared);
}

}  // namespace telecine::http
