#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace telecine::http {

/// The request's conditions, kept aside because a handler may take the request apart before its
/// answer is known to be a file.
struct Conditions {
  std::string range;
  std::string if_range;
  std::string if_none_match;
  std::string if_modified_since;

  void clear();
};

/// Which bytes of a file to send, and under which status.
struct FilePlan {
  int status = 200;  ///< 200, 206, 304 or 416
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

/// Decides, and adds ETag, Last-Modified, Accept-Ranges and Content-Range to `headers`.
FilePlan plan_file(const Conditions& conditions, const FileBody& file, Headers& headers);

/// "Sat, 21 Nov 2026 20:45:12 GMT" as seconds since 1970; nothing for any other form.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace telecine::http
