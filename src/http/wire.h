#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace telecine::http {

/// What the server, not the handler, knows about a response's header.
struct HeadFacts {
  bool close = false;
  bool announce_keep_alive = false;  ///< for HTTP/1.0 clients, who do not assume it
  std::optional<std::int64_t> content_length;
  std::string_view date;
};

/// Appends status line and headers. Nothing a handler puts into a header can break out of it: CR,
/// LF and NUL become spaces, fields with an invalid name are left out.
void write_head(std::string& out, int status, const Headers& headers, std::string_view content_type,
                const HeadFacts& facts);

/// 1xx, 204 and 304 never have a body.
bool status_has_body(int status);
/// Whether a handler asked for the connection to be closed.
bool wants_close(const Headers& headers);

}  // namespace telecine::http
