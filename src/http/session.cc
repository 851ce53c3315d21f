#include "http/session.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

namespace telecine::http {
namespace {

namespace beast = boost::beast;

constexpr Millis kLingerTimeout = 2'000;
constexpr std::int64_t kMaxLingered = 4 << 20;
constexpr int kRequestsPerTurn = 32;

/// Whether the line names a version of HTTP, if not one that we speak.
bool names_http_version(std::string_view text) {
  const auto line = text.substr(0, text.find("\r\n"));
  const auto at = line.rfind(" HTTP/");
  return at != std::string_view::npos && line.size() == at + 9 && line[at + 7] == '.';
}

}  // namespace

template <typename Stream>
Task<void> Session<Stream>::run(std::shared_ptr<Session> self) {
  const bool started = co_await self->start();
  int served = 0;
  while (started) {
    const bool more = co_await self->serve_one();
    if (!more) break;
    if (++served % kRequestsPerTurn == 0 && !self->in_.empty()) {
      co_await asio::post(self->socket().get_executor(), kNoThrow);
    }
  }
  co_await self->finish();
}

template <typename Stream>
Task<bool> Session<Stream>::start() {
  enter(Phase::kHeader);
  arm(options_.header_timeout);
  if constexpr (kTls) {
    const auto [code] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kNoThrow);
    if (code || expired_) {
      gone_ = true;
      co_return false;
    }
    arm(options_.header_timeout);
  }
  enter(Phase::kIdle);
  co_return true;
}

/// True when the connection can take another request.
template <typename Stream>
Task<bool> Session<Stream>::serve_one() {
  begin_request();
  parser_.emplace(exchange_, static_cast<std::uint32_t>(options_.header_bytes));
  head_bytes_ = 0;
  sent_ = 0;
  refusal_ = {};
  const bool have_head = co_await read_head();
  if (!have_head) co_return false;
  if (refusal_) {
    exchange_.locate();
  } else {
    exchange_.begin();
    refusal_ = exchange_.refusal();
  }
  if (!refusal_ && exchange_.has_body()) {
    const bool have_body = co_await read_body();
    if (!have_body) co_return false;
  }
  const bool kept = co_await answer();
  co_return kept;
}

/// False when there is nothing to answer; refusal_ is set when there is nothing but a refusal.
template <typename Stream>
Task<bool> Session<Stream>::read_head() {
  for (;;) {
    const auto parsed = parse_head();
    if (parsed != Parsed::kMore) break;
    const bool filled = co_await fill_head();
    if (!filled) co_return false;
    if (refusal_) break;
  }
  enter(Phase::kAnswer);
  disarm();
  header_done_us_ = steady_us();
  co_return true;
}

template <typename Stream>
Task<bool> Session<Stream>::fill_head() {
  const bool begun = !in_.empty() || head_bytes_ > 0;
  if (begun && phase() == Phase::kIdle) {
    enter(Phase::kHeader);
    arm(options_.header_timeout);
  }
  const auto room = in_.writable(
      in_.size() + 1 > kSmallBuffer ? options_.header_bytes + kSmallBuffer : kSmallBuffer);
  const auto [code, count] =
      co_await stream_.async_read_some(asio::buffer(room.data(), room.size()), kNoThrow);
  if (expired_ && begun) {
    refusal_ = {408, "the header took too long"};
    co_return true;
  }
  if (code || expired_ || gone_) {
    // Idle for too long, or drained: an orderly end. Anything else broke the connection.
    gone_ = gone_ || (code != asio::error::eof && code != asio::error::operation_aborted);
    expired_ = false;
    co_return false;
  }
  in_.produced(count);
  co_return true;
}

template <typename Stream>
typename Session<Stream>::Parsed Session<Stream>::parse_head() {
  // Some clients send an empty line after a body (RFC 9112 2.2).
  while (head_bytes_ == 0 && in_.readable().starts_with("\r\n")) in_.consume(2);
  if (in_.empty()) return Parsed::kMore;
  beast::error_code code;
  const auto text = in_.readable();
  const auto used = parser_->put(asio::buffer(text.data(), text.size()), code);
  if (code && code != beast::http::error::need_more) {
    refusal_ = head_refusal(code);
    return Parsed::kRefused;
  }
  in_.consume(used);
  head_bytes_ += used;
  const auto held = head_bytes_ + (parser_->is_header_done() ? 0 : in_.size());
  if (held > options_.header_bytes) {
    refusal_ = head_refusal(beast::http::error::header_limit);
    return Parsed::kRefused;
  }
  return parser_->is_header_done() ? Parsed::kDone : Parsed::kMore;
}

template <typename Stream>
Refusal Session<Stream>::head_refusal(beast::error_code code) const {
  if (code == beast::http::error::header_limit) {
    if (!parser_->has_request_line()) return {414, "the request line is too long"};
    return {431, "the header is larger than " +
                     human_bytes(static_cast<std::int64_t>(options_.header_bytes))};
  }
  if (code == beast::http::error::bad_version && names_http_version(in_.readable())) {
    return {505, "this server speaks HTTP/1.1 and HTTP/1.0"};
  }
  return {400, code.message()};
}

/// False when the connection broke. Otherwise the exchange can be answered, or refusal_ says why
/// not.
template <typename Stream>
Task<bool> Session<Stream>::read_body() {
  if (!exchange_.reads_body()) {
    closing_ = lingering_ = true;
    co_return true;
  }
  parser_->eager(true);
  enter(Phase::kBody);
  begin_body_window();
  if (exchange_.sends_continue() && in_.empty()) {
    const bool sent = co_await send_bytes("HTTP/1.1 100 Continue\r\n\r\n", {});
    begin_body_window();
    if (!sent) {
      exchange_.abort_body({ErrorCode::kCancelled, "the client went away", {}});
      co_return false;
    }
  }
  for (;;) {
    if (parse_body() != Parsed::kMore) break;
    const auto room = in_.writable(body_buffer_size());
    if (room.empty()) {
      refusal_ = {400, "a chunk header is too long"};
      break;
    }
    const auto [code, count] =
        co_await stream_.async_read_some(asio::buffer(room.data(), room.size()), kNoThrow);
    if (expired_) {
      refusal_ = {408, "the body made no progress"};
      break;
    }
    if (code || gone_) {
      gone_ = true;
      exchange_.abort_body({ErrorCode::kCancelled, "the connection broke during the upload", {}});
      co_return false;
    }
    in_.produced(count);
    count_body(count);
  }
  if (refusal_) exchange_.abort_body({ErrorCode::kCancelled, refusal_.detail, {}});
  enter(Phase::kAnswer);
  disarm();
  co_return true;
}

template <typename Stream>
typename Session<Stream>::Parsed Session<Stream>::parse_body() {
  if (in_.empty()) return Parsed::kMore;
  beast::error_code code;
  const auto text = in_.readable();
  const auto used = parser_->put(asio::buffer(text.data(), text.size()), code);
  in_.consume(used);
  count_body(0);
  if (parser_->step() == Exchange::Step::kStop) {
    closing_ = lingering_ = true;
    return Parsed::kDone;
  }
  if (parser_->step() == Exchange::Step::kRefuse) {
    refusal_ = exchange_.refusal();
    return Parsed::kRefused;
  }
  if (code && code != beast::http::error::need_more) {
    refusal_ = {400, code.message()};
    return Parsed::kRefused;
  }
  return parser_->is_done() ? Parsed::kDone : Parsed::kMore;
}

template <typename Stream>
std::size_t Session<Stream>::body_buffer_size() const {
  if (exchange_.feeds_sink()) return kSinkBuffer;
  const auto length = exchange_.request.content_length;
  return length && *length <= static_cast<std::int64_t>(kSmallBuffer) ? kSmallBuffer : kBodyBuffer;
}

/// Runs the handler, waits for what it says, and sends that. True when the connection is kept.
template <typename Stream>
Task<bool> Session<Stream>::answer() {
  if (refusal_) {
    closing_ = lingering_ = true;
    expired_ = false;
    render_refusal(refusal_);
  } else if (auto early = exchange_.take_early()) {
    response_ = *std::move(early);
    has_response_ = true;
  } else {
    exchange_.run(make_responder(loop_.mailbox, ticket()));
    while (!has_response_ && !gone_) co_await until_signalled();
    if (gone_) co_return false;
  }
  const bool sent = co_await send_response();
  observe(sent_);
  if (!sent) gone_ = true;
  lingering_ = lingering_ || !in_.empty();
  if (!sent || closing_) co_return false;
  in_.shrink(kSmallBuffer);
  enter(Phase::kIdle);
  arm(options_.idle_timeout);
  co_return true;
}

/// Closing with unread bytes in the socket would reset the connection and could destroy the answer
/// on its way: sends the end, and reads on for a moment.
template <typename Stream>
Task<void> Session<Stream>::linger() {
  boost::system::error_code ignored;
  socket().shutdown(asio::socket_base::shutdown_send, ignored);
  const auto scrap = std::make_unique_for_overwrite<char[]>(kBodyBuffer);
  std::int64_t read = 0;
  arm(kLingerTimeout);
  while (!expired_ && !gone_ && read < kMaxLingered) {
    const auto [code, count] =
        co_await socket().async_read_some(asio::buffer(scrap.get(), kBodyBuffer), kNoThrow);
    if (code) break;
    read += static_cast<std::int64_t>(count);
  }
}

template <typename Stream>
Task<void> Session<Stream>::finish() {
  enter(Phase::kEnd);
  in_.release();
  if (lingering_ && !gone_) {
    co_await linger();
  } else if constexpr (kTls) {
    if (!gone_ && !expired_) {
      arm(kLingerTimeout);
      co_await stream_.async_shutdown(kNoThrow);
    }
  }
  close_socket();
}

template <typename Stream>
void Session<Stream>::cancel_io() {
  boost::system::error_code ignored;
  socket().cancel(ignored);
}

template <typename Stream>
void Session<Stream>::close_socket() {
  boost::system::error_code ignored;
  socket().close(ignored);
}

template class Session<Socket>;
template class Session<TlsSocket>;

}  // namespace telecine::http
