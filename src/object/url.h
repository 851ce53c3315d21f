#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace telecine::object {

/// An absolute URL with an authority, taken apart by the parser that also makes the connections:
/// what the rules judge is what libcurl will open. Numeric IPv4 hosts in any spelling (0x7f.1,
/// 2130706433, 0177.0.0.1) come out as dotted quads.
struct Url {
  std::string text;    ///< normalised, without the fragment
  std::string scheme;  ///< lower case
  std::string host;    ///< lower case; IPv6 without brackets
  int port = 0;        ///< written or the scheme's own; 0 when the scheme has none
  std::string path;    ///< begins with '/', still percent-encoded
  std::string query;   ///< without '?', still percent-encoded
  bool has_userinfo = false;
};

/// No longer one is looked at.
inline constexpr std::size_t kMostUrlBytes = 4096;

/// kInvalidParameter for anything that is not an absolute URL.
Result<Url> parse_url(std::string_view text);

/// A reference as found in a Location header or a playlist, relative to `base` (RFC 3986 5.2).
Result<Url> resolve(const Url& base, std::string_view reference);

}  // namespace telecine::object
