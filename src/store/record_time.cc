#include <chrono>
#include <cmath>

#include "base/text.h"
#include "store/meeting_records.h"

namespace telecine {
namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  const auto part = text.substr(at, count);
  if (part.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return static_cast<int>(*parse_int(part));
}

/// 2026-03-09T15:05:10.250+08:00 or …Z.
std::optional<Millis> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const bool marks = text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
                     text[13] == ':' && text[16] == ':';
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!marks || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::size_t at = 19;
  Millis fraction = 0;
  if (at < text.size() && text[at] == '.') {
    Millis unit = 100;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction += unit * (text[at] - '0');
    }
    if (at == first) return std::nullopt;
  }
  Millis offset_minutes = 0;
  const auto zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    const auto hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
    const bool form = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
    if (!form || !hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    offset_minutes = (*hours * 60 + *minutes) * (zone[0] == '-' ? -1 : 1);
  }
  const Millis days = std::chrono::sys_days(date).time_since_epoch().count();
  const Millis seconds = days * 86'400 + *hour * 3600 + *minute * 60 + *second;
  return (seconds - offset_minutes * 60) * 1000 + fraction;
}

}  // namespace

std::optional<Millis> record_time(const json::value& value) {
  constexpr double kMillisAbove = 1e11;
  constexpr Millis kLatest = 253'402'300'799'999;  // the end of the year 9999
  std::optional<Millis> time;
  if (const auto* text = value.if_string()) {
    time = parse_rfc3339({text->data(), text->size()});
  } else if (value.is_number()) {
    const double number = value.to_number<double>();
    const double millis = number > kMillisAbove ? number : number * 1000;
    if (std::isfinite(millis) && millis <= static_cast<double>(kLatest)) {
      time = static_cast<Millis>(std::llround(millis));
    }
  }
  if (!time || *time < 0 || *time > kLatest) return std::nullopt;
  return time;
}

}  // namespace telecine
