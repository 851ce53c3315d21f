#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace telecine::object {

/// An IPv4 or IPv6 address as 16 bytes; IPv4 in its mapped form ::ffff:a.b.c.d, so that both
/// spellings of one address are equal.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  /// Dotted quads and RFC 4291 texts without brackets, zone or prefix.
  static std::optional<IpAddress> parse(std::string_view text);
  static std::optional<IpAddress> from(const sockaddr& address);
  bool is_v4() const;
  bool operator==(const IpAddress&) const = default;
};

struct IpRange {
  IpAddress first;
  int bits = 128;  ///< leading bits that count, of 128; an IPv4 /8 is 104

  /// "10.0.0.0/8", "fc00::/7", or a single address.
  static std::optional<IpRange> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
};

bool is_loopback(const IpAddress& address);

/// Which addresses the engine contacts for URLs that a caller gave. Everything that is not the
/// public internet is refused (private, loopback, link-local, documentation, multicast ranges, and
/// IPv4 addresses of those wrapped into IPv6), and so are this host's own addresses.
///
/// The operator's allow list opens parts of that. An entry is an address or a range; an address
/// may have a port:
///
///     10.1.0.0/16       the range, on the usual ports
///     127.0.0.1:9000    one address, on that port only
///     loopback          this machine's loopback addresses, on every port
///     [::1]:80
///
/// Cloud metadata addresses and this host's own (other than loopback) are opened only by an entry
/// that is exactly that address, never by a range around them.
///
/// An immutable value; use from any thread.
class AddressRules {
 public:
  /// An empty list opens nothing. kInvalidParameter names the entry that cannot be read.
  static Result<AddressRules> parse(std::span<const std::string> allow);
  static constexpr std::string_view kLoopback = "loopback";

  /// Whether a connection to this address and port may be made. This host's interfaces are read
  /// anew each time: they come and go.
  bool allows(const sockaddr& address) const;

  /// What can be said of a URL before connecting: http or https, no user name, a permitted port,
  /// at most 4096 bytes, and not an address that is refused (names are judged when connecting).
  /// kInvalidParameter, or the error of `forbidden_input`.
  Status check_url(std::string_view url) const;

 private:
  struct Entry {
    IpRange range;
    int port = 0;  ///< 0: the usual ones; -1: every one
  };
  bool permits(const IpAddress& address, int port) const;
  bool opened(const IpAddress& address, int port, bool exactly) const;
  bool allows(const IpAddress& address, int port) const;

  std::vector<Entry> entries_;
};

/// The one error for both "this address is refused" and "the server forbids reading": telling them
/// apart would let a caller map the operator's network.
Error forbidden_input();

}  // namespace telecine::object
