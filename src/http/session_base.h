#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/io_loop.h"
#include "http/mailbox.h"

namespace telecine::http {

class SessionBase;

/// The connections of one loop, by the slot in their tickets.
class SessionTable {
 public:
  std::uint32_t enroll(SessionBase* session);
  void leave(std::uint32_t slot);
  SessionBase* at(std::uint32_t slot) const {
    return slot < slots_.size() ? slots_[slot] : nullptr;
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }
  bool empty() const { return free_.size() == slots_.size(); }

 private:
  std::vector<SessionBase*> slots_;
  std::vector<std::uint32_t> free_;
};

/// What a connection needs of its loop.
struct LoopContext {
  Shared& shared;
  LoopCounters& counters;
  std::shared_ptr<Mailbox> mailbox;
  SessionTable sessions;
  std::string date;  ///< of this second, for the Date header
  std::uint64_t last_serial = 0;
};

/// A coroutine of a session that waits for a signal.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Lets it go on in a turn of its own.
  virtual void post() = 0;
};

/// The part of a connection that has nothing to do with its transport: deadlines, the answer being
/// waited for, and the signals of its loop. All on the loop's thread.
class SessionBase {
 public:
  SessionBase(LoopContext& loop, const Accepted& connection);
  virtual ~SessionBase();
  SessionBase(const SessionBase&) = delete;
  SessionBase& operator=(const SessionBase&) = delete;

  /// Once a tick: has the deadline passed?
  void tick(Millis now);
  void drain();
  void abort();
  void deliver(Letter letter);

 protected:
  enum class Phase : std::uint8_t {
    kIdle,    ///< nothing of the next request is there
    kHeader,  ///< also the TLS handshake
    kBody,
    kAnswer,
    kStream,
    kEnd,
  };
  static constexpr Millis kCommentInterval = 15'000;

  virtual void cancel_io() = 0;
  virtual void close_socket() = 0;

  Phase phase() const { return phase_; }
  void enter(Phase phase) { phase_ = phase; }
  /// The connection is given up after `timeout`, unless disarmed or armed again.
  void arm(Millis timeout) { deadline_ = steady_ms() + timeout; }
  void disarm() { deadline_ = 0; }
  void begin_body_window();
  /// Time that our own side spent does not count against the client.
  void count_body(std::size_t bytes);

  /// Readies everything for the next request.
  void begin_request();
  Ticket ticket() const { return {slot_, serial_}; }
  /// Puts the rendering of a refusal in place of an answer.
  void render_refusal(const Refusal& refusal);
  void signal();
  void observe(std::int64_t bytes);

  LoopContext& loop_;
  const ServerOptions& options_;
  const Router& router_;
  Exchange exchange_;
  Response response_;
  bool has_response_ = false;
  bool closing_ = false;    ///< no further request on this connection
  bool lingering_ = false;  ///< the client may still be sending: read on before closing
  bool gone_ = false;       ///< no use in sending anything
  bool expired_ = false;    ///< a deadline has passed
  bool signalled_ = false;
  bool watching_ = false;  ///< for the end of an event stream's client
  std::unique_ptr<Waiter> waiter_;
  Millis next_comment_ = 0;
  std::int64_t header_done_us_ = 0;
  const std::string peer_;
  const std::string local_;

 private:
  const std::uint32_t slot_;
  std::uint64_t serial_ = 0;
  Phase phase_ = Phase::kIdle;
  Millis deadline_ = 0;
  std::int64_t window_bytes_ = 0;
};

std::int64_t steady_us();

}  // namespace telecine::http
