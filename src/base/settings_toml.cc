#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "base/fs.h"
#include "base/settings.h"
#include "base/text.h"

// The only place that knows the TOML library, which is slow to compile.
namespace telecine {
namespace {

constexpr std::size_t kMaxFile = 4 << 20;

std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> items;
  for (const toml::node& item : *array) {
    const auto text = item.value_exact<std::string>();
    if (!text) return std::nullopt;
    items.push_back(*text);
  }
  return items;
}

}  // namespace

/// Walks a parsed document and hands each value to the settings it belongs to.
struct Settings::TomlReader {
  Settings& settings;
  const std::string& where;

  std::string line_of(const toml::node& node) const {
    return where + ":" + std::to_string(node.source().begin.line);
  }

  static Result<SettingValues::Value> value_of(const Setting& setting, const toml::node& node) {
    const SettingType type = setting.type;
    if (type == SettingType::kList) {
      if (auto items = texts_of(node)) return std::move(*items);
    } else if (type == SettingType::kFlag) {
      if (const auto flag = node.value_exact<bool>()) return *flag;
    } else if (const auto text = node.value_exact<std::string>()) {
      if (type != SettingType::kInteger) return parse_setting(setting, *text);
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      const bool counts = type != SettingType::kText && type != SettingType::kChoice;
      if (counts) return parse_setting(setting, std::to_string(*number));
    }
    return fail(ErrorCode::kInvalidParameter, "must be " + std::string(form_of(type)));
  }

  Status take(const Setting& setting, const toml::node& node, const std::string& path,
              SettingValues& into) const {
    auto value = value_of(setting, node);
    if (!value) return std::unexpected(placed(value.error(), line_of(node), path));
    into.put(setting, std::move(*value), line_of(node));
    return {};
  }

  Status walk(const toml::table& table, const std::string& prefix) const {
    for (const auto& [key, node] : table) {
      const std::string path = prefix + std::string(key.str());
      Status ok;
      if (const auto list = std::ranges::find(settings.schema_.lists, path, &SettingList::name);
          list != settings.schema_.lists.end()) {
        ok = read_list(*list, node);
      } else if (const Setting* setting = settings.find(path)) {
        ok = take(*setting, node, path, settings.values_);
      } else if (node.is_table() && is_table_name(path)) {
        ok = walk(*node.as_table(), path + ".");
      } else {
        return std::unexpected(settings.unknown(path, line_of(node)));
      }
      if (!ok) return ok;
    }
    return {};
  }

  bool is_table_name(const std::string& path) const {
    const auto inside = [&](const auto& known) { return known.name.starts_with(path + "."); };
    return std::ranges::any_of(settings.schema_.settings, inside) ||
           std::ranges::any_of(settings.schema_.lists, inside);
  }

  Status read_list(const SettingList& list, const toml::node& node) const {
    const std::string name(list.name);
    const toml::array* array = node.as_array();
    if (array == nullptr || (!array->empty() && !node.is_array_of_tables())) {
      return fail(ErrorCode::kInvalidParameter,
                  line_of(node) + ": " + name + " must be tables, each begun by [[" + name + "]]",
                  name);
    }
    for (const toml::node& item : *array) {
      if (auto ok = read_row(list, *item.as_table()); !ok) return ok;
    }
    return {};
  }

  Status read_row(const SettingList& list, const toml::table& table) const {
    const std::string name(list.name);
    SettingRow row{line_of(table), {}};
    row.values.set_defaults(list.fields);
    std::vector<std::string> known;
    for (const Setting& field : list.fields) known.emplace_back(field.name);
    for (const auto& [key, node] : table) {
      const auto field = std::ranges::find(list.fields, key.str(), &Setting::name);
      if (field == list.fields.end()) {
        const auto meant = nearest(key.str(), known);
        return fail(
            ErrorCode::kInvalidParameter,
            line_of(node) + ": [[" + name + "]] has no \"" + printable(key.str(), 80) + "\"; " +
                (meant ? "did you mean \"" + *meant + "\"?" : "it has " + join(known, ", ")),
            name + "." + std::string(key.str()));
      }
      const std::string path = name + "." + std::string(key.str());
      if (auto ok = take(*field, node, path, row.values); !ok) return ok;
    }
    for (const Setting& field : list.fields) {
      if (!field.required || row.values.given(field.name)) continue;
      return fail(ErrorCode::kInvalidParameter,
                  row.origin + ": this [[" + name + "]] needs \"" + std::string(field.name) + "\"",
                  name + "." + std::string(field.name));
    }
    settings.rows_[name].push_back(std::move(row));
    return {};
  }
};

Status Settings::read_toml(std::string_view text, const std::string& where) {
  const toml::parse_result parsed = toml::parse(text, where);
  if (parsed) return TomlReader{*this, where}.walk(parsed.table(), "");
  const toml::parse_error& error = parsed.error();
  return fail(ErrorCode::kInvalidParameter, where + ":" +
                                                std::to_string(error.source().begin.line) + ": " +
                                                std::string(error.description()));
}

Status Settings::read_file(const std::string& path) {
  const auto text = telecine::read_file(path, kMaxFile);
  if (!text) return std::unexpected(text.error());
  return read_toml(*text, path);
}

}  // namespace telecine
