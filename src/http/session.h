#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "http/in_buffer.h"
#include "http/request_parser.h"
#include "http/session_base.h"

/// For the three files that touch Asio only: io_thread.cc, session.cc, session_write.cc.
namespace telecine::http {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;
template <typename T>
using Task = asio::awaitable<T, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using TlsSocket = asio::ssl::stream<Socket>;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kNoThrow{};

/// One connection: reads requests, hands them to their exchange, writes the answers, in order.
/// Its coroutine keeps it alive.
template <typename Stream>
class Session final : public SessionBase, public std::enable_shared_from_this<Session<Stream>> {
 public:
  static constexpr bool kTls = !std::is_same_v<Stream, Socket>;

  Session(LoopContext& loop, const Accepted& connection, Stream stream)
      : SessionBase(loop, connection), stream_(std::move(stream)) {}

  static Task<void> run(std::shared_ptr<Session> self);

 private:
  enum class Parsed : std::uint8_t { kMore, kDone, kRefused };
  static constexpr std::size_t kSmallBuffer = 4 << 10;
  static constexpr std::size_t kBodyBuffer = 64 << 10;
  static constexpr std::size_t kSinkBuffer = 256 << 10;

  // session.cc: reading
  Task<bool> start();
  Task<bool> serve_one();
  Task<bool> read_head();
  Task<bool> fill_head();
  Parsed parse_head();
  Refusal head_refusal(boost::beast::error_code code) const;
  Task<bool> read_body();
  Parsed parse_body();
  std::size_t body_buffer_size() const;
  Task<bool> answer();
  Task<void> linger();
  Task<void> finish();

  // session_write.cc: writing
  Task<bool> send_response();
  Task<bool> send_file(FileBody file);
  Task<bool> send_bytes(std::string_view first, std::string_view second);
  Task<bool> send_range(int file, std::int64_t offset, std::int64_t length);
  Task<bool> send_events(std::shared_ptr<EventStream> events);
  Task<void> end_events(bool alive);
  static Task<void> watch_for_disconnect(std::shared_ptr<Session> self);
  bool send_now(std::string_view& first, std::string_view& second);
  void build_head(int status, std::optional<std::int64_t> content_length);
  Task<bool> until_writable();
  Task<void> until_signalled();

  void cancel_io() override;
  void close_socket() override;
  Socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  Stream stream_;
  InBuffer in_;
  std::optional<RequestParser> parser_;
  std::size_t head_bytes_ = 0;
  std::int64_t sent_ = 0;
  Refusal refusal_;
  std::string head_;
  bool more_coming_ = false;  ///< a file follows the header
};

}  // namespace telecine::http
