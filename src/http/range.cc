#include "http/range.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "base/time.h"

namespace telecine::http {
namespace {

std::string quoted(std::string_view etag) {
  if (etag.empty()) return {};
  if (etag.ends_with('"')) return std::string(etag);
  return '"' + std::string(etag) + '"';
}

std::string_view without_weakness(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

bool lists_etag(std::string_view list, std::string_view etag) {
  for (const auto item : split(list, ',')) {
    const auto tag = trim(item);
    if (tag == "*") return true;
    if (!etag.empty() && without_weakness(tag) == without_weakness(etag)) return true;
  }
  return false;
}

std::int64_t modified_seconds(const FileBody& file) {
  return file.modified_ms / 1000;
}

bool not_modified(const Conditions& conditions, const FileBody& file, std::string_view etag) {
  if (!conditions.if_none_match.empty()) return lists_etag(conditions.if_none_match, etag);
  if (conditions.if_modified_since.empty() || file.modified_ms <= 0) return false;
  const auto since = parse_http_date(conditions.if_modified_since);
  return since && modified_seconds(file) <= *since;
}

/// RFC 9110 13.1.5: the strong comparison, or exactly the date we gave.
bool range_still_valid(const Conditions& conditions, const FileBody& file, std::string_view etag) {
  const std::string_view wanted = conditions.if_range;
  if (wanted.empty()) return true;
  if (wanted.ends_with('"')) return !wanted.starts_with("W/") && wanted == etag;
  const auto date = parse_http_date(wanted);
  return date && file.modified_ms > 0 && *date == modified_seconds(file);
}

struct Range {
  std::int64_t first;
  std::int64_t last;  ///< inclusive
};

std::optional<std::int64_t> digits(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  // More digits than fit lie past the end of any file.
  return parse_int(text).value_or(INT64_MAX);
}

/// One range of a file of `size` bytes. Nothing when the header is malformed or names several
/// ranges: then it is ignored. An unsatisfiable range comes back with first > last.
std::optional<Range> parse_range(std::string_view text, std::int64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!iequals(text.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  text = trim(text.substr(kUnit.size()));
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto end = digits(text.substr(dash + 1));
  if (dash == 0) {
    if (!end) return std::nullopt;
    return Range{*end == 0 ? size : std::max<std::int64_t>(size - *end, 0), size - 1};
  }
  const auto begin = digits(text.substr(0, dash));
  if (!begin || (!end && dash + 1 != text.size())) return std::nullopt;
  if (end && *end < *begin) return std::nullopt;
  if (*begin >= size) return Range{size, size - 1};
  return Range{*begin, end ? std::min(*end, size - 1) : size - 1};
}

}  // namespace

void Conditions::clear() {
  range.clear();
  if_range.clear();
  if_none_match.clear();
  if_modified_since.clear();
}

FilePlan plan_file(const Conditions& conditions, const FileBody& file, Headers& headers) {
  const auto etag = quoted(file.etag);
  if (!etag.empty()) headers.set("ETag", etag);
  if (file.modified_ms > 0) headers.set("Last-Modified", http_date(file.modified_ms));
  headers.set("Accept-Ranges", "bytes");
  if (not_modified(conditions, file, etag)) return {304, 0, 0};
  if (conditions.range.empty() || !range_still_valid(conditions, file, etag)) {
    return {200, 0, file.size};
  }
  const auto range = parse_range(conditions.range, file.size);
  if (!range) return {200, 0, file.size};
  const auto size = std::to_string(file.size);
  if (range->first > range->last) {
    headers.set("Content-Range", "bytes */" + size);
    return {416, 0, 0};
  }
  headers.set("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                   std::to_string(range->last) + "/" + size);
  return {206, range->first, range->last - range->first + 1};
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT"))
    return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) {
    return digits(text.substr(at, size)).value_or(-1);
  };
  const auto* const month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number(5, 2), year = number(12, 4);
  const auto hour = number(17, 2), minute = number(20, 2), second = number(23, 2);
  if (month == kMonths.end() || day < 1 || year < 0 || hour < 0 || minute < 0 || second < 0) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(year)),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
      std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + hour * 3'600 + minute * 60 + second;
}

}  // namespace telecine::http
