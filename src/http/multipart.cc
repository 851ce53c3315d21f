#include "http/multipart.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace telecine::http {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorCode::kInvalidParameter, std::move(message));
}

/// The value of `name` among "; name=value; name="value"" parameters.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = trim(header.substr(at + 1));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const bool found = iequals(trim(rest.substr(0, equals)), name);
    rest.remove_prefix(equals + 1);
    std::string value;
    if (rest.starts_with('"')) {
      std::size_t i = 1;
      for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        value += rest[i];
      }
      if (i >= rest.size()) return std::nullopt;
      rest.remove_prefix(i + 1);
    } else {
      value = trim(rest.substr(0, rest.find(';')));
    }
    if (found) return value;
    header = rest;
    at = header.find(';');
  }
  return std::nullopt;
}

/// Takes the lines of a part's header off `part`; the name it gives the part.
std::optional<std::string> take_header(std::string_view& part) {
  std::optional<std::string> name;
  while (true) {
    const auto end = part.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = part.substr(0, end);
    part.remove_prefix(end + 2);
    if (line.empty()) return name;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    if (iequals(trim(line.substr(0, colon)), "content-disposition")) {
      name = parameter(line.substr(colon + 1), "name");
    }
  }
}

}  // namespace

Result<Pairs> parse_multipart(std::string_view content_type, std::string_view body) {
  const auto kind = trim(content_type.substr(0, content_type.find(';')));
  const auto boundary = parameter(content_type, "boundary");
  if (!iequals(kind, "multipart/form-data") || !boundary || boundary->empty()) {
    return malformed("the body is not multipart/form-data with a boundary");
  }
  const std::string mark = "--" + *boundary;
  const std::string next_mark = "\r\n" + mark;
  while (body.starts_with("\r\n")) body.remove_prefix(2);
  if (!body.starts_with(mark)) return malformed("the body does not begin with its boundary");
  body.remove_prefix(mark.size());
  Pairs fields;
  while (!body.starts_with("--")) {
    body.remove_prefix(std::min(body.find_first_not_of(" \t"), body.size()));
    if (!body.starts_with("\r\n")) return malformed("a boundary is not followed by a line break");
    while (body.starts_with("\r\n")) body.remove_prefix(2);
    const auto end = body.find(next_mark);
    if (end == std::string_view::npos) return malformed("the body ends before its last boundary");
    // The line break of an empty value is the one that belongs to the boundary.
    std::string_view part = body.substr(0, end + 2);
    auto name = take_header(part);
    if (!name) return malformed("a part of the body has no name");
    if (part.size() >= 2) part.remove_suffix(2);
    fields.emplace_back(std::move(*name), std::string(part));
    body.remove_prefix(end + next_mark.size());
  }
  return fields;
}

}  // namespace telecine::http
