#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace telecine::http {

/// The server-sent events of one subscriber: a bounded queue between whoever has news and the
/// connection. Answer with `Response::events(stream)`, keep the pointer, push. All of it is safe
/// from any thread.
///
///     auto stream = std::make_shared<http::EventStream>();
///     stream->on_closed([hub, id] { hub->unsubscribe(id); });
///     responder(http::Response::events(stream));
///     stream->push("42", "task", document, false);
class EventStream {
 public:
  static constexpr std::size_t kDefaultCapacity = 256;

  explicit EventStream(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// One message in its wire form. For many subscribers format once and push the shared text.
  static std::shared_ptr<const std::string> format(std::string_view id, std::string_view event,
                                                   std::string_view data);

  /// False when the message was not taken: the stream is closed, or everything queued must arrive
  /// and this must too; then `on_room` tells when to go on. A full queue loses its oldest droppable
  /// message (this one, when it is the only droppable one).
  bool push(std::string_view id, std::string_view event, std::string_view data, bool droppable);
  bool push(std::shared_ptr<const std::string> message, bool droppable);

  /// What is queued is still sent, then the connection ends.
  void close();
  bool closed() const;
  std::uint64_t dropped() const;

  /// Called from an I/O thread each time that everything queued has been taken after a message was
  /// not. Set it before the first push.
  void on_room(std::function<void()> callback);

  /// Called once, when the client is gone or the stream has ended, from an I/O thread; at once if
  /// that has happened already.
  void on_closed(std::function<void()> callback);

  // The server's side.

  /// `wake` is called when there is something to take after nothing was left, or on close.
  void attach(std::function<void()> wake);
  /// Moves whole messages into `out` until it holds `max_bytes` or none are left.
  void take(std::string& out, std::size_t max_bytes);
  /// Closed, and everything was taken.
  bool drained() const;
  /// No connection any more: forgets what is queued and calls on_closed.
  void detach();

 private:
  struct Message {
    std::shared_ptr<const std::string> text;
    bool droppable;
  };
  /// With the lock held: makes room for one. False when there is none to make.
  bool make_room();

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<Message> queue_;
  std::shared_ptr<const std::function<void()>> wake_;
  std::function<void()> on_closed_;
  std::shared_ptr<const std::function<void()>> on_room_;
  std::uint64_t dropped_ = 0;
  bool refused_ = false;  ///< a message, since everything was taken last
  bool woken_ = false;
  bool closed_ = false;
  bool detached_ = false;
};

}  // namespace telecine::http
