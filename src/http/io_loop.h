#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "http/listener.h"
#include "http/server.h"
#include "http/tls.h"

namespace telecine::http {

/// What all threads of a server share.
struct Shared {
  ServerOptions options;
  Router router;
  const bool tls;                   ///< whether connections are encrypted
  std::atomic<TlsContext> context;  ///< for those to come
  ConnectionLimits limits;
  std::atomic<bool> draining{false};
};

/// Read by any thread; apart from `open`, written by the loop's own.
struct LoopCounters {
  std::atomic<std::int64_t> open{0};
  std::atomic<std::int64_t> requests{0};
  std::atomic<std::int64_t> timed_out{0};
  std::atomic<std::int64_t> streams{0};

  static void add(std::atomic<std::int64_t>& counter, std::int64_t count) {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
};

/// One event loop, to be run by one thread. Apart from `run` and `watch`, calls come from any
/// thread and return at once.
class IoLoop {
 public:
  static std::unique_ptr<IoLoop> create(Shared& shared);
  virtual ~IoLoop() = default;

  /// Until `finish`, and until the last connection has ended.
  virtual void run() = 0;
  /// Before `run`: calls `ready` when `listener` has connections; when it returns false, waits a
  /// moment before the next call.
  virtual void watch(Fd listener, std::function<bool()> ready) = 0;
  virtual void adopt(Accepted connection) = 0;
  /// Closes what waits for a request; ends event streams.
  virtual void drain() = 0;
  /// Breaks all connections.
  virtual void abort() = 0;
  virtual void finish() = 0;

  LoopCounters counters;
};

}  // namespace telecine::http
