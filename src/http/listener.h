#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fs.h"

namespace telecine::http {

struct Accepted {
  Fd socket;  ///< non-blocking
  std::string peer;
  std::string local;
};

/// The listening socket. Bound without SO_REUSEPORT, so that a second process on the same port
/// fails instead of silently taking a share of the connections.
class Listener {
 public:
  static Result<Listener> open(const std::string& host, int port);

  int port() const { return port_; }
  const std::string& address() const { return address_; }
  /// The same socket under another descriptor.
  Fd duplicate() const;
  /// Nothing when no connection is waiting or the system refuses (then `error` is the errno).
  std::optional<Accepted> accept(int& error);
  /// Later connections are refused, through any of its descriptors.
  void shut();

 private:
  Fd socket_;
  int port_ = 0;
  std::string address_;
};

/// Counts connections against the limits. Any thread.
class ConnectionLimits {
 public:
  ConnectionLimits(int total, int per_peer) : total_(total), per_peer_(per_peer) {}
  bool admit(const std::string& peer);
  void release(const std::string& peer);
  int open() const;

 private:
  const int total_;
  const int per_peer_;
  mutable std::mutex mutex_;
  int open_ = 0;
  std::map<std::string, int> peers_;
};

}  // namespace telecine::http
