#include "base/settings.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace telecine {
namespace {

constexpr std::string_view kPrefix = "TELECINE_";

std::unexpected<Error> refuse(const Setting& setting, const std::string& message) {
  return fail(ErrorCode::kInvalidParameter, message, std::string(setting.name));
}

bool has(const auto& items, std::string_view wanted) {
  return std::ranges::find(items, wanted) != items.end();
}

std::string human_millis(std::int64_t ms) {
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  if (ms == 0) return "0";
  for (const auto& [size, unit] : kUnits) {
    if (ms % size == 0) return std::to_string(ms / size) + unit;
  }
  return std::to_string(ms) + "ms";
}

std::string human_size(std::int64_t bytes) {
  constexpr std::pair<int, const char*> kUnits[] = {{40, "T"}, {30, "G"}, {20, "M"}, {10, "k"}};
  if (bytes == 0) return "0";
  for (const auto& [shift, unit] : kUnits) {
    if (bytes % (1LL << shift) == 0) return std::to_string(bytes >> shift) + unit;
  }
  return std::to_string(bytes);
}

std::string written(const Setting& setting, std::int64_t number) {
  if (setting.type == SettingType::kDuration) return human_millis(number);
  if (setting.type == SettingType::kBytes) return human_size(number);
  return std::to_string(number);
}

Result<SettingValues::Value> parse_number(const Setting& setting, std::string_view text) {
  const auto number = setting.type == SettingType::kBytes      ? parse_bytes(text)
                      : setting.type == SettingType::kDuration ? parse_duration_ms(text)
                                                               : parse_int(text);
  if (!number) {
    return refuse(setting, "must be " + std::string(form_of(setting.type)) + ", not \"" +
                               printable(text, 80) + "\"");
  }
  if (*number >= setting.least && *number <= setting.most) return *number;
  const bool bounded = setting.most != std::numeric_limits<std::int64_t>::max();
  const std::string range = bounded ? "between " + written(setting, setting.least) + " and " +
                                          written(setting, setting.most)
                                    : "at least " + written(setting, setting.least);
  return refuse(setting, "must be " + range + ", not " + written(setting, *number));
}

std::vector<std::string> words_of(std::string_view text, char separator) {
  std::vector<std::string> words;
  for (const auto part : split(text, separator)) {
    if (const auto word = trim(part); !word.empty()) words.emplace_back(word);
  }
  return words;
}

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string_view form_of(SettingType type) {
  switch (type) {
    case SettingType::kText:
    case SettingType::kChoice:
      return "a string in quotes";
    case SettingType::kFlag:
      return "true or false";
    case SettingType::kList:
      return "a list of strings such as [\"a\", \"b\"]";
    case SettingType::kBytes:
      return "a size such as 512M or 20G";
    case SettingType::kDuration:
      return "a duration such as 30s, 5m, 2h or 7d";
    case SettingType::kInteger:
      return "a whole number";
  }
  return "";
}

Error placed(Error error, const std::string& where, std::string_view name) {
  error.message = where + ": " + std::string(name) + " " + error.message;
  error.field = name;
  return error;
}

std::string variable_of(std::string_view setting) {
  std::string out(kPrefix);
  for (const char c : setting) {
    out += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return out;
}

std::string flag_of(std::string_view setting) {
  std::string out = "--" + std::string(setting);
  std::ranges::replace(out, '.', '-');
  std::ranges::replace(out, '_', '-');
  return out;
}

Result<SettingValues::Value> parse_setting(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case SettingType::kText:
      return std::string(text);
    case SettingType::kList:
      return words_of(text, ',');
    case SettingType::kFlag:
      if (const auto flag = parse_bool(text)) return *flag;
      return refuse(setting, "must be true or false, not \"" + printable(text, 80) + "\"");
    case SettingType::kChoice: {
      const auto choices = words_of(setting.choices, ' ');
      if (has(choices, text)) return std::string(text);
      return refuse(setting, "must be one of " + join(choices, ", ") + ", not \"" +
                                 printable(text, 80) + "\"");
    }
    default:
      return parse_number(setting, trim(text));
  }
}

std::string toml_of(const Setting& setting, const SettingValues::Value& value) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> items;
    for (const std::string& item : *list) items.push_back(toml_quoted(item));
    return "[" + join(items, ", ") + "]";
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    const std::string text = written(setting, *number);
    return setting.type == SettingType::kInteger ? text : toml_quoted(text);
  }
  const auto& text = std::get<std::string>(value);
  return setting.secret && !text.empty() ? "\"***\"" : toml_quoted(text);
}

const SettingValues::Item& SettingValues::item(std::string_view name) const {
  const auto at = items_.find(name);
  if (at == items_.end()) throw std::logic_error("no setting " + std::string(name));
  return at->second;
}

const std::string& SettingValues::text(std::string_view name) const {
  return std::get<std::string>(item(name).value);
}

bool SettingValues::flag(std::string_view name) const {
  return std::get<bool>(item(name).value);
}

std::int64_t SettingValues::integer(std::string_view name) const {
  return std::get<std::int64_t>(item(name).value);
}

const std::vector<std::string>& SettingValues::list(std::string_view name) const {
  return std::get<std::vector<std::string>>(item(name).value);
}

void SettingValues::put(const Setting& setting, Value value, std::string origin) {
  items_[std::string(setting.name)] = {std::move(value), std::move(origin), true};
}

void SettingValues::set_defaults(std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    auto value = parse_setting(setting, setting.fallback);
    if (!value) throw std::logic_error(std::string(setting.name) + " has an unfit default");
    items_[std::string(setting.name)] = {std::move(*value), "default", false};
  }
}

Settings::Settings(SettingSchema schema) : schema_(std::move(schema)) {
  values_.set_defaults(schema_.settings);
}

const Setting* Settings::find(std::string_view name) const {
  const auto at = std::ranges::find(schema_.settings, name, &Setting::name);
  return at == schema_.settings.end() ? nullptr : &*at;
}

Error Settings::unknown(std::string_view name, const std::string& where) const {
  std::vector<std::string> names;
  for (const Setting& setting : schema_.settings) {
    names.emplace_back(setting.name);
    // Whole tables can be misspelt too.
    std::string table(setting.name.substr(0, setting.name.find('.')));
    if (!has(names, table)) names.push_back(std::move(table));
  }
  for (const SettingList& list : schema_.lists) names.emplace_back(list.name);
  const auto meant = nearest(name, names);
  return {ErrorCode::kInvalidParameter,
          where + ": there is no setting \"" + printable(name, 80) + "\"" +
              (meant ? "; did you mean \"" + *meant + "\"?"
                     : "; see all of them with: telecine config print"),
          std::string(name)};
}

Status Settings::set(std::string_view name, std::string_view text, const std::string& origin) {
  const Setting* setting = find(name);
  if (setting == nullptr) return std::unexpected(unknown(name, origin));
  auto value = parse_setting(*setting, text);
  if (!value) return std::unexpected(placed(value.error(), origin, name));
  values_.put(*setting, std::move(*value), origin);
  return {};
}

Status Settings::read_environment(const char* const* variables) {
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view pair = *variables;
    const auto equals = pair.find('=');
    if (!pair.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    const std::string_view text = pair.substr(equals + 1);
    if (text.empty() || has(schema_.other_variables, name)) continue;
    const auto matches = [&](const Setting& setting) { return variable_of(setting.name) == name; };
    const auto at = std::ranges::find_if(schema_.settings, matches);
    if (at == schema_.settings.end()) {
      std::vector<std::string> names;
      for (const Setting& setting : schema_.settings) names.push_back(variable_of(setting.name));
      const auto meant = nearest(name, names);
      return fail(ErrorCode::kInvalidParameter,
                  "the environment's " + printable(name, 80) + " is no setting" +
                      (meant ? "; did you mean " + *meant + "?" : "; unset it"),
                  std::string(name));
    }
    if (auto ok = set(at->name, text, std::string(name)); !ok) return ok;
  }
  return {};
}

const std::vector<SettingRow>& Settings::rows(std::string_view name) const {
  static const std::vector<SettingRow> kNone;
  const auto at = rows_.find(name);
  return at == rows_.end() ? kNone : at->second;
}

namespace {

void print_lists(const Settings& settings, std::string& out) {
  for (const SettingList& list : settings.schema().lists) {
    for (const SettingRow& row : settings.rows(list.name)) {
      out += "\n[[" + std::string(list.name) + "]]  # " + row.origin + "\n";
      for (const Setting& field : list.fields) {
        const auto& item = row.values.item(field.name);
        if (item.given) out += std::string(field.name) + " = " + toml_of(field, item.value) + "\n";
      }
    }
  }
}

}  // namespace

std::string print_settings(const Settings& settings, bool explain) {
  constexpr std::size_t kColumn = 44;
  std::string out;
  std::string table;
  for (const Setting& setting : settings.schema().settings) {
    const auto dot = setting.name.rfind('.');
    if (setting.name.substr(0, dot) != table) {
      table = setting.name.substr(0, dot);
      out += std::string(out.empty() ? "" : "\n") + "[" + table + "]\n";
    }
    const auto& item = settings.values().item(setting.name);
    if (explain) out += "# " + std::string(setting.help) + "\n";
    std::string line = std::string(setting.name.substr(dot + 1)) + " = ";
    line += toml_of(setting, item.value);
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    out += line + "# " + item.origin + "\n";
  }
  print_lists(settings, out);
  return out;
}

}  // namespace telecine
