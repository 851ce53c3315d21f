#pragma once

#include <boost/json/object.hpp>
#include <string_view>

namespace telecine {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Opens the process's log: one JSON line an event on stderr, or readable lines when `pretty`.
/// Call once, before the first thread; without it nothing below error is written.
void open_log(LogLevel least, bool pretty);

/// Writes one line: time, level, message and the given fields. Any thread. Values whose key names
/// a credential (secret, token, authorization, signature, ...) are replaced by "***", and so are
/// signature parameters inside texts that are URLs.
void log(LogLevel level, std::string_view message, boost::json::object fields = {});

inline void log_info(std::string_view message, boost::json::object fields = {}) {
  log(LogLevel::kInfo, message, std::move(fields));
}
inline void log_warning(std::string_view message, boost::json::object fields = {}) {
  log(LogLevel::kWarning, message, std::move(fields));
}
inline void log_error(std::string_view message, boost::json::object fields = {}) {
  log(LogLevel::kError, message, std::move(fields));
}

/// `text` with the values of credential-bearing query parameters replaced by "***".
std::string redact_url(std::string_view text);

}  // namespace telecine
