#include "object/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "object/url.h"

namespace telecine::object {
namespace {

constexpr std::array kUsualPorts = {80, 443, 8080, 8443};
constexpr std::int64_t kAnyUsualPort = 0;  // an allow list entry without a port
constexpr int kEveryPort = -1;

// The special-purpose registries of IANA (RFC 6890 and later additions), plus multicast and the
// deprecated site-local block.
constexpr std::array<std::string_view, 30> kReserved = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",     "169.254.0.0/16",
    "172.16.0.0/12",  "192.0.0.0/24",   "192.0.2.0/24",    "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",     "::/128",          "::1/128",
    "64:ff9b:1::/48", "100::/64",       "2001::/23",       "2001:db8::/32",   "3fff::/20",
    "5f00::/16",      "fc00::/7",       "fe80::/10",       "fec0::/10",       "ff00::/8"};

// AWS and most others, AWS over IPv6, Aliyun.
constexpr std::array<std::string_view, 3> kMetadata = {"169.254.169.254", "fd00:ec2::254",
                                                       "100.100.100.200"};

// IPv6 blocks that carry an IPv4 address (compatible, NAT64, 6to4) and the byte it begins at.
constexpr std::array<std::pair<std::string_view, int>, 3> kCarriers = {
    {{"::/96", 12}, {"64:ff9b::/96", 12}, {"2002::/16", 2}}};

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::vector<IpRange> ranges_of(std::span<const std::string_view> texts) {
  std::vector<IpRange> ranges;
  for (const auto text : texts) ranges.push_back(IpRange::parse(text).value());
  return ranges;
}

bool any_contains(const std::vector<IpRange>& ranges, const IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const IpRange& range) { return range.contains(address); });
}

bool is_reserved(const IpAddress& address) {
  static const auto ranges = ranges_of(kReserved);
  return any_contains(ranges, address);
}

bool is_metadata(const IpAddress& address) {
  static const auto ranges = ranges_of(kMetadata);
  return any_contains(ranges, address);
}

/// Loopback is judged as a range, not here. When the list cannot be read every address is ours.
bool is_own(const IpAddress& address) {
  if (is_loopback(address)) return false;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr != nullptr && IpAddress::from(*item->ifa_addr) == address) return true;
  }
  return false;
}

std::optional<IpAddress> carried_v4(const IpAddress& address) {
  for (const auto& [block, offset] : kCarriers) {
    if (!IpRange::parse(block)->contains(address)) continue;
    IpAddress inner;
    std::ranges::copy(kMapped, inner.bytes.begin());
    std::copy_n(address.bytes.begin() + offset, 4, inner.bytes.begin() + 12);
    return inner;
  }
  return std::nullopt;
}

int port_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

bool is_usual(int port) {
  return std::ranges::find(kUsualPorts, port) != kUsualPorts.end();
}

/// An allow list entry split into its address or range and its port, if it has one.
struct Written {
  std::string_view range;
  std::optional<std::string_view> port;
};

Written take_apart(std::string_view entry) {
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == std::string_view::npos) return {"", {}};
    const auto rest = entry.substr(close + 1);
    const auto inside = entry.substr(1, close - 1);
    if (rest.empty()) return {inside, {}};
    if (rest.front() == ':') return {inside, rest.substr(1)};
    return {"", {}};
  }
  if (std::ranges::count(entry, ':') == 1) {
    const auto colon = entry.find(':');
    return {entry.substr(0, colon), entry.substr(colon + 1)};
  }
  return {entry, {}};
}

}  // namespace

bool is_loopback(const IpAddress& address) {
  static const auto ranges = ranges_of(std::array<std::string_view, 2>{"127.0.0.0/8", "::1"});
  return any_contains(ranges, address);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  std::ranges::copy(kMapped, address.bytes.begin());
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data() + 12) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from(const sockaddr& address) {
  IpAddress out;
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
    return out;
  }
  if (address.sa_family != AF_INET) return std::nullopt;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  std::ranges::copy(kMapped, out.bytes.begin());
  std::memcpy(out.bytes.data() + 12, &v4.sin_addr, 4);
  return out;
}

bool IpAddress::is_v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto first = IpAddress::parse(text.substr(0, slash));
  if (!first) return std::nullopt;
  if (slash == std::string_view::npos) return IpRange{*first, 128};
  const bool dotted = text.find(':') == std::string_view::npos;
  const auto bits = parse_int(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > (dotted ? 32 : 128)) return std::nullopt;
  return IpRange{*first, static_cast<int>(*bits) + (dotted ? 96 : 0)};
}

bool IpRange::contains(const IpAddress& address) const {
  // "::/0" means all of IPv6, not IPv4 in disguise.
  const bool v4 = first.is_v4() && bits >= 96;
  if (address.is_v4() != v4) return false;
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(first.bytes.begin(), first.bytes.begin() + whole, address.bytes.begin())) {
    return false;
  }
  if (bits % 8 == 0) return true;
  const int shift = 8 - bits % 8;
  return first.bytes[whole] >> shift == address.bytes[whole] >> shift;
}

Result<AddressRules> AddressRules::parse(std::span<const std::string> allow) {
  AddressRules rules;
  for (const std::string& text : allow) {
    if (trim(text) == kLoopback) {
      rules.entries_.push_back({*IpRange::parse("127.0.0.0/8"), kEveryPort});
      rules.entries_.push_back({*IpRange::parse("::1"), kEveryPort});
      continue;
    }
    const Written written = take_apart(trim(text));
    const auto range = IpRange::parse(written.range);
    const auto port = written.port ? parse_int(*written.port).value_or(-1) : kAnyUsualPort;
    const bool port_ok =
        !written.port || (range && port >= 1 && port <= 65535 && range->bits == 128);
    if (!range || !port_ok) {
      return fail(ErrorCode::kInvalidParameter,
                  "\"" + text +
                      "\" is neither an address range (10.1.0.0/16, fd00::/8) nor an "
                      "address with or without a port (127.0.0.1:9000, [::1]:80, 10.1.2.3), nor "
                      "the word loopback");
    }
    rules.entries_.push_back({*range, static_cast<int>(port)});
  }
  return rules;
}

bool AddressRules::opened(const IpAddress& address, int port, bool exactly) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    if (exactly && entry.range.bits != 128) return false;
    const bool port_matches = entry.port == kEveryPort      ? true
                              : entry.port == kAnyUsualPort ? is_usual(port)
                                                            : entry.port == port;
    return port_matches && entry.range.contains(address);
  });
}

bool AddressRules::permits(const IpAddress& address, int port) const {
  if (is_metadata(address) || is_own(address)) return opened(address, port, true);
  return opened(address, port, false) || (is_usual(port) && !is_reserved(address));
}

bool AddressRules::allows(const IpAddress& address, int port) const {
  if (is_reserved(address)) return permits(address, port);
  const auto inner = carried_v4(address);
  return inner ? permits(*inner, port) && !is_own(address) : permits(address, port);
}

bool AddressRules::allows(const sockaddr& address) const {
  const auto ip = IpAddress::from(address);
  return ip && allows(*ip, port_of(address));
}

Status AddressRules::check_url(std::string_view text) const {
  const auto invalid = [](std::string message) {
    return fail(ErrorCode::kInvalidParameter, std::move(message));
  };
  if (text.size() > kMostUrlBytes) return invalid("The URL is longer than 4096 bytes.");
  if (!lower(text.substr(0, 8)).starts_with("http://") && lower(text.substr(0, 8)) != "https://") {
    return invalid("The URL must begin with http:// or https://.");
  }
  const auto url = parse_url(text);
  if (!url) return std::unexpected(url.error());
  if (url->has_userinfo) return invalid("The URL must not carry a user name or a password.");
  const bool configured = std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.port == kEveryPort || (entry.port != kAnyUsualPort && entry.port == url->port);
  });
  if (!is_usual(url->port) && !configured) {
    return invalid(
        "The URL's port is not one of 80, 443, 8080 and 8443, nor one that the operator "
        "opened in network.allow_addresses.");
  }
  const auto literal = IpAddress::parse(url->host);
  if (literal && !allows(*literal, url->port)) return std::unexpected(forbidden_input());
  return {};
}

Error forbidden_input() {
  return Error{ErrorCode::kInputForbidden,
               "The server does not permit reading this URL, or the URL leads to an address that "
               "this engine must not contact.",
               {}};
}

}  // namespace telecine::object
