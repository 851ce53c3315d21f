#include "http/session_base.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace telecine::http {

std::int64_t steady_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::uint32_t SessionTable::enroll(SessionBase* session) {
  if (free_.empty()) {
    slots_.push_back(session);
    return size() - 1;
  }
  const auto slot = free_.back();
  free_.pop_back();
  slots_[slot] = session;
  return slot;
}

void SessionTable::leave(std::uint32_t slot) {
  slots_[slot] = nullptr;
  free_.push_back(slot);
}

SessionBase::SessionBase(LoopContext& loop, const Accepted& connection)
    : loop_(loop),
      options_(loop.shared.options),
      router_(loop.shared.router),
      exchange_(loop.shared.router),
      peer_(connection.peer),
      local_(connection.local),
      slot_(loop.sessions.enroll(this)) {}

SessionBase::~SessionBase() {
  discard(response_);
  exchange_.abort_body({ErrorCode::kCancelled, "the connection was closed", {}});
  loop_.sessions.leave(slot_);
  loop_.shared.limits.release(peer_);
  loop_.counters.open.fetch_sub(1, std::memory_order_relaxed);
}

void SessionBase::begin_request() {
  exchange_.reset();
  auto& request = exchange_.request;
  request.peer = peer_;
  request.local = local_;
  request.tls = loop_.shared.tls;
  serial_ = ++loop_.last_serial;
  has_response_ = signalled_ = false;
  response_.status = 200;
  response_.headers.clear();
  response_.body = {};
  response_.content_type.clear();
}

void SessionBase::render_refusal(const Refusal& refusal) {
  response_ = router_.bad_request(refusal.status, exchange_.path(), refusal.detail);
  has_response_ = true;
}

void SessionBase::deliver(Letter letter) {
  if (letter.ticket.serial != serial_ || (has_response_ && letter.kind != Letter::Kind::kWake)) {
    discard(letter.response);
    return;
  }
  if (letter.kind == Letter::Kind::kAnswer) {
    response_ = std::move(letter.response);
    has_response_ = true;
  } else if (letter.kind == Letter::Kind::kDropped) {
    render_refusal({500, "no answer was given"});
  }
  signal();
}

void SessionBase::signal() {
  signalled_ = true;
  if (const auto waiter = std::exchange(waiter_, nullptr)) waiter->post();
}

void SessionBase::begin_body_window() {
  window_bytes_ = 0;
  arm(options_.body_idle_timeout);
}

void SessionBase::count_body(std::size_t bytes) {
  window_bytes_ += static_cast<std::int64_t>(bytes);
  if (steady_ms() >= deadline_) begin_body_window();
}

void SessionBase::tick(Millis now) {
  if (phase_ == Phase::kStream && now >= next_comment_) signal();
  if (deadline_ == 0 || now < deadline_) return;
  if (phase_ == Phase::kBody) {
    const auto wanted = options_.minimum_body_rate * options_.body_idle_timeout / 1000;
    if (window_bytes_ >= std::max<std::int64_t>(wanted, 1)) return begin_body_window();
  }
  expired_ = true;
  deadline_ = 0;
  LoopCounters::add(loop_.counters.timed_out, 1);
  cancel_io();
}

void SessionBase::drain() {
  closing_ = true;
  if (phase_ == Phase::kIdle) {
    cancel_io();
  } else if (phase_ == Phase::kStream) {
    signal();
  }
}

void SessionBase::abort() {
  closing_ = gone_ = true;
  close_socket();
  signal();
}

void SessionBase::observe(std::int64_t bytes) {
  LoopCounters::add(loop_.counters.requests, 1);
  if (!router_.observer) return;
  router_.observer({exchange_.route(), exchange_.method(), response_.status,
                    steady_us() - header_done_us_, bytes, exchange_.target(), peer_});
}

}  // namespace telecine::http
