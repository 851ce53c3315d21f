#include "app/command.h"

#include <cstdio>
#include <cstdlib>

#include "base/text.h"

namespace telecine::app {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidParameter:
      return kUsage;
    case ErrorCode::kUnauthorized:
    case ErrorCode::kForbidden:
      return kNotAllowed;
    case ErrorCode::kNotFound:
      return kNotThere;
    default:
      return kFailed;
  }
}

int report(const Error& error) {
  const bool place = !error.field.empty() && error.message.find(error.field) == std::string::npos;
  std::fprintf(stderr, "telecine: %s%s%s\n", place ? error.field.c_str() : "", place ? ": " : "",
               error.message.c_str());
  return exit_code_of(error.code);
}

int report_usage(const std::string& message) {
  std::fprintf(stderr, "telecine: %s\n", message.c_str());
  return kUsage;
}

void Arguments::put(const std::string& name, std::vector<std::string> values) {
  values_[name] = std::move(values);
}

void Arguments::put_setting(const std::string& name, const std::string& text) {
  settings_.emplace_back(name, text);
}

std::string Arguments::text(std::string_view name) const {
  return find(name).value_or("");
}

std::optional<std::string> Arguments::find(std::string_view name) const {
  const auto at = values_.find(name);
  if (at == values_.end() || at->second.empty()) return std::nullopt;
  return at->second.back();
}

const std::vector<std::string>& Arguments::list(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto at = values_.find(name);
  return at == values_.end() ? kNone : at->second;
}

Result<std::optional<std::int64_t>> Arguments::integer(std::string_view name, std::int64_t least,
                                                       std::int64_t most) const {
  const auto text = find(name);
  if (!text) return std::nullopt;
  const auto number = parse_int(*text);
  if (number && *number >= least && *number <= most) return number;
  return fail(ErrorCode::kInvalidParameter,
              "--" + std::string(name) + " must be a whole number from " + std::to_string(least) +
                  " to " + std::to_string(most) + ", not \"" + printable(*text, 80) + "\"");
}

Result<Settings> Arguments::settings() const {
  std::string file = text("config");
  const char* variable = std::getenv("TELECINE_CONFIG");
  if (file.empty() && variable != nullptr) file = variable;
  return read_settings(file, settings_);
}

Result<Config> Arguments::config() const {
  const auto read = settings();
  if (!read) return std::unexpected(read.error());
  return make_config(*read);
}

}  // namespace telecine::app
