#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace telecine {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);

/// Whole-string numbers only; nothing for anything else ("12x", "", " 1", overflow).
std::optional<std::int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);
/// "true/false/1/0/yes/no/on/off", case-blind.
std::optional<bool> parse_bool(std::string_view text);
/// "30s", "5m", "2h", "500ms", "1.5s", or a bare number of seconds. Milliseconds.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
/// "512", "64k", "1.5G", "2GiB": binary multiples. Bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text);

/// 1.4 MiB, 812 B.
std::string human_bytes(std::int64_t bytes);
/// 1:02:03 or 2:03.4 for the terminal.
std::string human_duration(std::int64_t ms);

/// RFC 3986: letters, digits and -_.~ stay, everything else becomes %XX in capitals.
std::string percent_encode(std::string_view text, bool keep_slash = false);
/// Nothing when an escape is malformed. `plus_is_space` for forms and queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

bool is_valid_utf8(std::string_view text);
/// Bytes that are not UTF-8 become U+FFFD; control characters other than tab become a space.
std::string printable(std::string_view text, std::size_t max_bytes);

/// Adds `text` as an XML element's content, or between the quotes of an attribute.
void append_xml(std::string& out, std::string_view text, bool in_attribute = false);

/// The candidate closest to `word` by edit distance, if close enough to be a typing slip.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

std::string join(std::span<const std::string> parts, std::string_view separator);

}  // namespace telecine
