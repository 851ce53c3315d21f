#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/json.h"

namespace telecine {

/// One end of the socket between a worker and its media child: a JSON value a line, a descriptor
/// beside it where the protocol says so.
///
/// The child speaks first and always; the worker only answers:
///
///     worker → child   {"job": …}                            once, at the start
///     child → worker   {"source": facts}                     answered {"go": true} or {"error": …}
///     child → worker   {"create": name}                      answered {"fd": true} and descriptor,
///                                                            or {"error": …}
///     child → worker   {"open": index}                       answered likewise, for reading
///     child → worker   {"progress": [0…1 …], "speed": x}     not answered
///     child → worker   {"made": …} or {"error": …}           the end
///     zygote → worker  {"exit": {"status": n} | {"signal": n}}   after the child is gone
///
/// A worker that finishes its side has no use for the child any more: the zygote kills it.
class Link {
 public:
  /// Lines above this end the connection: facts of the largest allowed file are far below it.
  static constexpr std::size_t kMaxLine = 8 << 20;

  explicit Link(Fd socket) : socket_(std::move(socket)) {}

  Status send(const json::value& message, int fd = -1);
  struct Message {
    json::value value;
    Fd fd;  ///< when one came with it
  };
  /// The next message; nothing for half of one (the last words of a process that was killed), at
  /// the end of the stream or after `timeout_ms` (-1: never). `ended` tells which.
  Result<std::optional<Message>> receive(int timeout_ms, bool& ended);
  /// Sends and waits for the answer; one at a time over all threads.
  Result<Message> ask(const json::value& message);
  /// For messages without an answer that share the socket with `ask`.
  Status tell(const json::value& message);

  /// Parts what this end says from what another process began to say on the same socket.
  Status end_line();
  /// No more will be sent; what comes from the other side can still be received.
  void finish();

 private:
  Fd socket_;
  std::mutex turn_;
  std::string buffer_;
  Fd pending_fd_;
};

}  // namespace telecine
