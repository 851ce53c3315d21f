#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "http/message.h"

namespace telecine::http {

/// The one answer to one request. Copies share it; it is called once, from any thread, at any
/// time, also after the connection or the server is gone. When the last copy goes without a call,
/// the client gets a 500.
class Responder {
 public:
  /// Where the answer goes. An implementation that must know of dropped responders asks
  /// `answered()` in its destructor.
  class Target {
   public:
    virtual ~Target() = default;
    virtual void answer(Response response) = 0;

   protected:
    bool answered() const { return answered_.load(std::memory_order_acquire); }

   private:
    friend class Responder;
    std::atomic<bool> answered_{false};
  };

  explicit Responder(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  /// Answers into a function: for tests, and for handlers that change another's answer. A dropped
  /// one answers with an empty 500.
  explicit Responder(std::function<void(Response)> function);

  /// A second call is logged and otherwise ignored.
  void operator()(Response response) const;

 private:
  std::shared_ptr<Target> target_;
};

}  // namespace telecine::http
