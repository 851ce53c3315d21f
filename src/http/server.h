#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/router.h"

namespace telecine::http {

/// Times are milliseconds.
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< name or address; "" or "*": every address, IPv4 and IPv6
  int port = 0;                    ///< 0: any free one
  int threads = 0;                 ///< 0: one a core
  std::string tls_certificate;     ///< PEM file with the chain; empty: plain HTTP
  std::string tls_key;             ///< PEM file; empty: in the certificate's file
  int max_connections = 10'000;
  int max_connections_per_peer = 0;     ///< by client address; 0: no limit
  std::size_t header_bytes = 16 << 10;  ///< request line and headers together
  Millis header_timeout = 10'000;       ///< for the whole header, however it dribbles in
  Millis body_idle_timeout = 30'000;    ///< the span over which a body must make progress
  std::int64_t minimum_body_rate = 64;  ///< bytes a second, over that span
  Millis idle_timeout = 75'000;         ///< between two requests
  Millis write_timeout = 60'000;        ///< without the client taking a single byte
  Headers headers;                      ///< of every answer, beside its own
};

struct ServerCounters {
  std::int64_t open = 0;      ///< connections now
  std::int64_t accepted = 0;  ///< since the start
  std::int64_t refused = 0;   ///< connections over a limit
  std::int64_t requests = 0;  ///< answered
  std::int64_t timed_out = 0;
  std::int64_t streams = 0;  ///< event streams now
};

/// An HTTP/1.1 server: one listening socket that no other process can share, one event loop a
/// thread, each connection on one thread for its life. Handlers run on these threads.
///
///     auto server = http::Server::listen({.port = 8080});
///     if (!server) return std::unexpected(server.error());
///     (*server)->serve(std::move(router));
///     ...
///     (*server)->stop_accepting();
///     (*server)->stop(10'000);
class Server {
 public:
  /// Holds the address when it returns, and lets connections wait. kConflict when the address is
  /// in use, kInvalidParameter for a bad address or certificate.
  static Result<std::unique_ptr<Server>> listen(ServerOptions options);
  /// Answers from now on; once.
  void serve(Router router);
  /// Stops at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  /// "127.0.0.1:8080".
  std::string address() const;
  ServerCounters counters() const;

  /// Reads certificate and key again, for connections to come. An error changes nothing.
  Status reload_tls();

  /// Drains: refuses new connections, closes idle ones and ends event streams; the answers still
  /// due say "Connection: close".
  void stop_accepting();
  /// Drains, waits up to `grace` for the answers due, then breaks what is left. Returns when the
  /// threads have ended; not to be called from a handler.
  void stop(Millis grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine::http
