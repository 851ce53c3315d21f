#include "app/dev_gate.h"

#include <string>

#include "base/text.h"
#include "dialect/native/errors.h"
#include "object/address.h"

namespace telecine::app {
namespace {

/// Of "127.0.0.1:8080", "[::1]:8080" and "localhost".
bool is_loopback_host(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = object::IpAddress::parse(host);
  return address && object::is_loopback(*address);
}

bool is_loopback_origin(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && is_loopback_host(origin.substr(scheme + 3));
}

}  // namespace

std::optional<http::Response> refuse_foreign_page(const http::Request& request) {
  // Links to results carry their own permission, and are for pages of any kind.
  for (const char* results : {"/objects/", "/processResult/"}) {
    if (request.path.starts_with(results)) return std::nullopt;
  }
  const auto origin = request.headers.find("origin");
  const auto site = request.headers.find("sec-fetch-site");
  const bool is_browser =
      origin || site || request.headers.get("user-agent").starts_with("Mozilla/");
  if (!is_browser) return std::nullopt;
  // A foreign name that leads here is how a page gets around its browser's rules.
  bool is_ours = is_loopback_host(request.headers.get("host"));
  if (origin)
    is_ours = is_ours && is_loopback_origin(*origin);
  else if (site)
    is_ours = is_ours && *site != "cross-site";
  if (is_ours) return std::nullopt;
  return native::problem(403, ErrorCode::kForbidden,
                         "development mode answers browsers only for pages of this machine");
}

}  // namespace telecine::app
