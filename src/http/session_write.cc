#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "http/event_stream.h"
#include "http/session.h"
#include "http/wire.h"

namespace telecine::http {
namespace {

constexpr std::int64_t kSendfileStep = 1 << 20;
constexpr std::int64_t kYieldAfter = 4 << 20;
constexpr std::size_t kTlsFileStep = 128 << 10;
/// A body up to this size is copied behind its header, to share a TLS record and a system call.
constexpr std::size_t kTlsMerged = 16 << 10;
constexpr std::size_t kEventBatch = 64 << 10;

template <typename Handler>
class HandlerWaiter final : public Waiter {
 public:
  explicit HandlerWaiter(Handler handler) : handler_(std::move(handler)) {}
  void post() override { asio::post(std::move(handler_)); }

 private:
  Handler handler_;
};

std::string_view bytes_of(const Response& response) {
  if (const auto* own = std::get_if<std::string>(&response.body)) return *own;
  if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
    return *shared ? std::string_view(**shared) : std::string_view();
  }
  return {};
}

/// Takes `count` sent bytes off the front of both.
void advance(std::string_view& first, std::string_view& second, std::size_t count) {
  const auto of_first = std::min(count, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(count - of_first);
}

}  // namespace

template <typename Stream>
void Session<Stream>::build_head(int status, std::optional<std::int64_t> content_length) {
  const auto& framing = exchange_.framing;
  closing_ = closing_ || !framing.keep_alive || wants_close(response_.headers) ||
             loop_.shared.draining.load(std::memory_order_relaxed);
  head_.clear();
  for (const auto [name, value] : loop_.shared.options.headers) response_.headers.set(name, value);
  write_head(head_, status, response_.headers, response_.content_type,
             {.close = closing_,
              .announce_keep_alive = exchange_.request.version < 11,
              .content_length = content_length,
              .date = loop_.date});
}

template <typename Stream>
Task<bool> Session<Stream>::send_response() {
  if (auto* events = std::get_if<std::shared_ptr<EventStream>>(&response_.body)) {
    const auto stream = *events;
    const bool ended = co_await send_events(stream);
    co_return ended;
  }
  if (auto* file = std::get_if<FileBody>(&response_.body)) {
    const bool sent = co_await send_file(std::move(*file));
    co_return sent;
  }
  if (const auto* render = std::get_if<Response::Rendered>(&response_.body)) {
    response_.body = (*render)();
  }
  const auto body = bytes_of(response_);
  const bool may_have_body = status_has_body(response_.status);
  build_head(response_.status,
             may_have_body ? std::optional(static_cast<std::int64_t>(body.size())) : std::nullopt);
  std::string_view first = head_;
  std::string_view second;
  if (may_have_body && exchange_.method() != Method::kHead) second = body;
  if constexpr (kTls) {
    if (second.size() <= kTlsMerged) {
      head_ += second;
      first = head_;
      second = {};
    }
  }
  if (!send_now(first, second)) co_return false;
  if (first.empty() && second.empty()) co_return true;
  const bool sent = co_await send_bytes(first, second);
  co_return sent;
}

/// Sends what the system takes at once. False when the connection is broken.
template <typename Stream>
bool Session<Stream>::send_now(std::string_view& first, std::string_view& second) {
  if constexpr (!kTls) {
    while (!first.empty() || !second.empty()) {
      std::array<iovec, 2> parts = {{{const_cast<char*>(first.data()), first.size()},
                                     {const_cast<char*>(second.data()), second.size()}}};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = second.empty() ? 1 : 2;
      const auto count = ::sendmsg(socket().native_handle(), &message,
                                   MSG_NOSIGNAL | (more_coming_ ? MSG_MORE : 0));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return errno == EAGAIN;
      sent_ += count;
      advance(first, second, static_cast<std::size_t>(count));
    }
  }
  return !gone_;
}

template <typename Stream>
Task<bool> Session<Stream>::send_bytes(std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    if constexpr (kTls) {
      const auto part = first.empty() ? second : first;
      arm(options_.write_timeout);
      const auto [code, count] =
          co_await stream_.async_write_some(asio::buffer(part.data(), part.size()), kNoThrow);
      disarm();
      if (code || expired_ || gone_) co_return false;
      sent_ += static_cast<std::int64_t>(count);
      advance(first, second, count);
    } else {
      if (!send_now(first, second)) co_return false;
      if (first.empty() && second.empty()) break;
      const bool writable = co_await until_writable();
      if (!writable) co_return false;
    }
  }
  co_return true;
}

template <typename Stream>
Task<bool> Session<Stream>::until_writable() {
  arm(options_.write_timeout);
  const auto [code] = co_await socket().async_wait(asio::socket_base::wait_write, kNoThrow);
  disarm();
  co_return !code && !expired_ && !gone_;
}

template <typename Stream>
Task<bool> Session<Stream>::send_file(FileBody file) {
  FilePlan plan{response_.status, 0, file.size};
  if (response_.status == 200) plan = plan_file(exchange_.conditions, file, response_.headers);
  response_.status = plan.status;
  const bool may_have_body = status_has_body(plan.status);
  build_head(plan.status, may_have_body ? std::optional(plan.length) : std::nullopt);
  const bool body_follows = may_have_body && exchange_.method() != Method::kHead;
  more_coming_ = body_follows && plan.length > 0;
  const bool headed = co_await send_bytes(head_, {});
  more_coming_ = false;
  if (!headed) co_return false;
  if (!body_follows) co_return true;
  const bool sent = co_await send_range(file.fd.get(), plan.offset, plan.length);
  co_return sent;
}

/// False also when the file turns out shorter than announced: only closing tells the client.
template <typename Stream>
Task<bool> Session<Stream>::send_range(int file, std::int64_t offset, std::int64_t length) {
  std::int64_t since_yield = 0;
  if constexpr (kTls) {
    const auto step = std::min(static_cast<std::int64_t>(kTlsFileStep), length);
    const auto bytes = std::make_unique_for_overwrite<char[]>(static_cast<std::size_t>(step));
    while (length > 0) {
      const auto wanted = static_cast<std::size_t>(std::min(step, length));
      const auto count = ::pread(file, bytes.get(), wanted, offset);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) co_return false;
      const std::string_view piece(bytes.get(), static_cast<std::size_t>(count));
      const bool sent = co_await send_bytes(piece, {});
      if (!sent) co_return false;
      offset += count;
      length -= count;
    }
  }
  while (length > 0) {
    const auto wanted = static_cast<std::size_t>(std::min(kSendfileStep, length));
    const auto count = ::sendfile(socket().native_handle(), file, &offset, wanted);
    if (count > 0) {
      length -= count;
      sent_ += count;
      since_yield += count;
      if (since_yield >= kYieldAfter) {
        since_yield = 0;
        co_await asio::post(socket().get_executor(), kNoThrow);
        if (gone_) co_return false;
      }
    } else if (count < 0 && errno == EAGAIN) {
      const bool writable = co_await until_writable();
      if (!writable) co_return false;
    } else if (count == 0 || errno != EINTR) {
      co_return false;
    }
  }
  co_return true;
}

template <typename Stream>
Task<bool> Session<Stream>::send_events(std::shared_ptr<EventStream> events) {
  closing_ = true;
  response_.content_type = "text/event-stream";
  if (!response_.headers.has("Cache-Control")) response_.headers.add("Cache-Control", "no-cache");
  response_.headers.set("X-Accel-Buffering", "no");
  build_head(response_.status, std::nullopt);
  bool alive = co_await send_bytes(head_, {});
  if (!alive || exchange_.method() == Method::kHead) {
    events->detach();
    co_return alive;
  }
  in_.release();
  parser_.reset();
  watching_ = true;
  asio::co_spawn(socket().get_executor(), watch_for_disconnect(this->shared_from_this()),
                 asio::detached);
  events->attach([mailbox = loop_.mailbox, ticket = this->ticket()] {
    mailbox->put({ticket, Letter::Kind::kWake, {}});
  });
  LoopCounters::add(loop_.counters.streams, 1);
  enter(Phase::kStream);
  next_comment_ = steady_ms() + kCommentInterval;
  while (alive && !gone_) {
    head_.clear();
    events->take(head_, kEventBatch);
    const bool ending = head_.empty() && (events->drained() || loop_.shared.draining);
    if (ending) break;
    if (head_.empty() && steady_ms() >= next_comment_) head_ = ":\n\n";
    if (head_.empty()) {
      co_await until_signalled();
      continue;
    }
    alive = co_await send_bytes(head_, {});
    next_comment_ = steady_ms() + kCommentInterval;
  }
  LoopCounters::add(loop_.counters.streams, -1);
  events->detach();
  co_await end_events(alive);
  co_return alive && !gone_;
}

/// A TLS stream is shut down only when nobody reads from it.
template <typename Stream>
Task<void> Session<Stream>::end_events(bool alive) {
  if (!alive || gone_) co_return;
  enter(Phase::kEnd);
  cancel_io();
  while (watching_) co_await until_signalled();
}

/// A subscriber has nothing more to say: what it sends is skipped, and its end ends the stream.
template <typename Stream>
Task<void> Session<Stream>::watch_for_disconnect(std::shared_ptr<Session> self) {
  std::array<char, 256> scrap;
  for (;;) {
    const auto [code, count] =
        co_await self->stream_.async_read_some(asio::buffer(scrap), kNoThrow);
    if (code) break;
  }
  if (self->phase() != Phase::kEnd) self->gone_ = true;
  self->watching_ = false;
  self->signal();
}

template <typename Stream>
Task<void> Session<Stream>::until_signalled() {
  if (!signalled_) {
    asio::use_awaitable_t<Executor> token;
    co_await asio::async_initiate<asio::use_awaitable_t<Executor>, void()>(
        [this](auto handler) {
          waiter_ = std::make_unique<HandlerWaiter<decltype(handler)>>(std::move(handler));
        },
        token);
  }
  signalled_ = false;
}

// The members that session.cc calls; what they need comes along.
template Task<bool> Session<Socket>::send_response();
template Task<bool> Session<TlsSocket>::send_response();
template Task<bool> Session<Socket>::send_bytes(std::string_view, std::string_view);
template Task<bool> Session<TlsSocket>::send_bytes(std::string_view, std::string_view);
template Task<void> Session<Socket>::until_signalled();
template Task<void> Session<TlsSocket>::until_signalled();

}  // namespace telecine::http
