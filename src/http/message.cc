#include "http/message.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/event_stream.h"

namespace telecine::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods = {{
    {Method::kGet, "GET"},
    {Method::kHead, "HEAD"},
    {Method::kPost, "POST"},
    {Method::kPut, "PUT"},
    {Method::kPatch, "PATCH"},
    {Method::kDelete, "DELETE"},
    {Method::kOptions, "OPTIONS"},
}};

constexpr std::array<std::pair<int, std::string_view>, 42> kReasons = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
}};

bool is_escaped(std::string_view text) {
  return text.contains('%') || text.contains('+');
}

std::string decoded(std::string_view text) {
  if (!is_escaped(text)) return std::string(text);
  auto out = percent_decode(text, true);
  return out ? *std::move(out) : std::string(text);
}

/// Calls `use(name, value)` for each pair, not decoded, until it returns true.
template <typename Use>
void each_pair(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    if (use(pair.substr(0, equals), value)) return;
  }
}

char lower_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return a == b || std::ranges::equal(a, b, {}, lower_letter, lower_letter);
}

}  // namespace

std::string_view name_of(Method method) {
  for (const auto& [m, name] : kMethods) {
    if (m == method) return name;
  }
  return "";
}

Method method_named(std::string_view text) {
  for (const auto& [method, name] : kMethods) {
    if (name == text) return method;
  }
  return Method::kOther;
}

std::string_view reason_phrase(int status) {
  const auto* at =
      std::ranges::lower_bound(kReasons, status, {}, &std::pair<int, std::string_view>::first);
  return at != kReasons.end() && at->first == status ? at->second : "Unknown";
}

Headers::Headers(std::initializer_list<Field> fields) {
  for (const auto& [name, value] : fields) add(name, value);
}

void Headers::add(std::string_view name, std::string_view value) {
  if (entries_.capacity() == 0) {
    constexpr std::size_t kUsualFields = 8;
    constexpr std::size_t kUsualBytes = 256;
    entries_.reserve(kUsualFields);
    bytes_.reserve(kUsualBytes);
  }
  entries_.push_back({static_cast<std::uint32_t>(bytes_.size()),
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())});
  bytes_.append(name).append(value);
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return same_name(std::string_view(bytes_).substr(entry.offset, entry.name_size), name);
  });
}

void Headers::clear() {
  bytes_.clear();
  entries_.clear();
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name_size != name.size()) continue;
    const auto field = (*this)[i];
    if (same_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

Headers::Field Headers::operator[](std::size_t index) const {
  const auto& entry = entries_[index];
  const std::string_view all = bytes_;
  return {all.substr(entry.offset, entry.name_size),
          all.substr(entry.offset + entry.name_size, entry.value_size)};
}

Pairs parse_form(std::string_view text) {
  Pairs out;
  each_pair(text, [&](std::string_view name, std::string_view value) {
    out.emplace_back(decoded(name), decoded(value));
    return false;
  });
  return out;
}

std::optional<std::string> Request::query_parameter(std::string_view name) const {
  std::optional<std::string> found;
  each_pair(query, [&](std::string_view key, std::string_view value) {
    if (key != name && (!is_escaped(key) || decoded(key) != name)) return false;
    found = decoded(value);
    return true;
  });
  return found;
}

Response Response::text(int status, std::string content_type, std::string body) {
  Response response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response Response::cached(std::string content_type, std::shared_ptr<const std::string> body) {
  Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response Response::events(std::shared_ptr<EventStream> stream) {
  Response response;
  response.content_type = "text/event-stream";
  response.body = std::move(stream);
  return response;
}

}  // namespace telecine::http
