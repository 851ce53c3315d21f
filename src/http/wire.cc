#include "http/wire.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace telecine::http {
namespace {

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

void append_value(std::string& out, std::string_view value) {
  const auto start = static_cast<std::ptrdiff_t>(out.size());
  out += value;
  std::ranges::replace_if(
      out.begin() + start, out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; },
      ' ');
}

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// Fields that only the server writes.
bool is_reserved(std::string_view name) {
  switch (name.size()) {
    case 4:
      return iequals(name, "date");
    case 6:
      return iequals(name, "server");
    case 10:
      return iequals(name, "connection") || iequals(name, "keep-alive");
    case 14:
      return iequals(name, "content-length");
    case 17:
      return iequals(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace

void write_head(std::string& out, int status, const Headers& headers, std::string_view content_type,
                const HeadFacts& facts) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\nServer: telecine\r\nDate: ";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, std::clamp(status, 100, 999));
    out.append(" ").append(reason_phrase(status)).append("\r\nServer: telecine\r\nDate: ");
  }
  out.append(facts.date).append("\r\n");
  if (!content_type.empty()) {
    out += "Content-Type: ";
    append_value(out, content_type);
    out += "\r\n";
  }
  if (facts.content_length) {
    out += "Content-Length: ";
    append_number(out, *facts.content_length);
    out += "\r\n";
  }
  if (facts.close) {
    out += "Connection: close\r\n";
  } else if (facts.announce_keep_alive) {
    out += "Connection: keep-alive\r\n";
  }
  for (const auto [name, value] : headers) {
    if (!is_token(name) || is_reserved(name)) continue;
    if (!content_type.empty() && iequals(name, "content-type")) continue;
    out.append(name).append(": ");
    append_value(out, value);
    out += "\r\n";
  }
  out += "\r\n";
}

bool status_has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

bool wants_close(const Headers& headers) {
  const auto connection = headers.find("connection");
  return connection && iequals(*connection, "close");
}

}  // namespace telecine::http
