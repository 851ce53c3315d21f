#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "http/message.h"
#include "http/responder.h"

namespace telecine::http {

/// Names a request being answered on one I/O thread. A ticket whose request is over fits nothing.
struct Ticket {
  std::uint32_t slot = 0;
  std::uint64_t serial = 0;
};

struct Letter {
  enum class Kind : std::uint8_t { kAnswer, kDropped, kWake };
  Ticket ticket;
  Kind kind = Kind::kWake;
  Response response;
};

/// What other threads have to say to one I/O thread. Only the first letter into an empty box wakes
/// the thread, so that a writer that completes many requests at once wakes it once. Outlives the
/// thread: letters to a closed box vanish.
class Mailbox {
 public:
  /// The I/O thread. `wake` is called with the box locked.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void wake() = 0;
    virtual void deliver(Letter letter) = 0;
  };

  explicit Mailbox(Owner& owner) : owner_(owner) {}

  /// From the owner's own thread the letter is delivered at once.
  void put(Letter letter);
  void take(std::vector<Letter>& out);
  void close();
  /// Marks the calling thread as the owner's.
  void claim_thread();

 private:
  Owner& owner_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  bool closed_ = false;
};

Responder make_responder(std::shared_ptr<Mailbox> mailbox, Ticket ticket);
/// An answer that cannot be sent: tells its event stream so.
void discard(Response& response);

}  // namespace telecine::http
