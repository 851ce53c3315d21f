#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "base/time.h"

namespace telecine {
namespace {

constexpr std::array kSecretKeys = {"secret",   "token",      "authorization", "signature",
                                    "password", "credential", "security-token"};
constexpr std::array kSecretParameters = {"signature=",
                                          "x-amz-signature=",
                                          "x-oss-signature=",
                                          "q-signature=",
                                          "x-amz-credential=",
                                          "security-token=",
                                          "key=",
                                          "token=",
                                          "x-amz-security-token="};

bool names_secret(std::string_view key) {
  const std::string word = lower(key);
  for (const char* secret : kSecretKeys) {
    if (word.find(secret) != std::string::npos) return true;
  }
  return false;
}

void redact(boost::json::object& fields) {
  for (auto& item : fields) {
    if (names_secret({item.key().data(), item.key().size()}))
      item.value() = "***";
    else if (auto* nested = item.value().if_object())
      redact(*nested);
    else if (const auto* text = item.value().if_string()) {
      item.value() = redact_url({text->data(), text->size()});
    }
  }
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

constexpr const char* kPretty = "pretty";
constexpr const char* kLines = "telecine";

}  // namespace

std::string redact_url(std::string_view text) {
  std::string out(text);
  const std::string folded = lower(text);
  std::size_t at = folded.find('?');
  if (at == std::string::npos) return out;
  std::string result = out.substr(0, at + 1);
  bool first = true;
  for (const auto part : split(std::string_view(out).substr(at + 1), '&')) {
    if (!first) result += '&';
    first = false;
    const std::string name = lower(part);
    bool secret = false;
    for (const char* parameter : kSecretParameters) secret = secret || name.starts_with(parameter);
    if (secret)
      result += std::string(part.substr(0, part.find('=') + 1)) + "***";
    else
      result += part;
  }
  return result;
}

void open_log(LogLevel least, bool pretty) {
  auto logger = spdlog::stderr_color_mt(pretty ? kPretty : kLines);
  logger->set_pattern(pretty ? "%^%H:%M:%S %l%$ %v" : "%v");
  logger->set_level(spdlog_level(least));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(logger);
}

void log(LogLevel level, std::string_view message, boost::json::object fields) {
  auto* logger = spdlog::default_logger_raw();
  const bool opened = logger->name() == kPretty || logger->name() == kLines;
  if (!logger->should_log(spdlog_level(level)) || (!opened && level != LogLevel::kError)) return;
  redact(fields);
  if (logger->name() == kPretty) {
    std::string line(message);
    for (const auto& item : fields) {
      line += "  " + std::string(item.key()) + "=" + boost::json::serialize(item.value());
    }
    logger->log(spdlog_level(level), line);
    return;
  }
  boost::json::object line;
  line["time"] = rfc3339(now_ms());
  constexpr std::array kLevels = {"debug", "info", "warning", "error"};
  line["level"] = kLevels[static_cast<std::size_t>(level)];
  line["message"] = boost::json::string_view(message.data(), message.size());
  for (auto& item : fields) line[item.key()] = item.value();
  logger->log(spdlog_level(level), boost::json::serialize(line));
}

}  // namespace telecine
