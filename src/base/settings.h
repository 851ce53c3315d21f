#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace telecine {

enum class SettingType : std::uint8_t {
  kText,
  kFlag,
  kInteger,
  kBytes,     ///< "64k", "20G", or a number of bytes
  kDuration,  ///< "500ms", "30s", "2h", "7d", or a number of seconds; milliseconds inside
  kChoice,    ///< one of `choices`
  kList,      ///< of texts
};

/// One thing that can be configured. The same row gives the key in the file ("server.listen"), the
/// variable (TELECINE_SERVER_LISTEN), the flag (--server-listen), the default and the help.
struct Setting {
  std::string_view name;
  SettingType type = SettingType::kText;
  std::string_view fallback{};  ///< the default, as it would stand in the environment
  std::string_view help{};
  std::int64_t least = 0;  ///< of numbers, bytes and milliseconds
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::string_view choices{};  ///< kChoice: words separated by spaces
  bool secret = false;         ///< never shown
  bool required = false;       ///< in a row of a list
};

/// An array of tables ([[object.root]]), in the file only. `fields` are named without the table.
struct SettingList {
  std::string_view name;
  std::vector<Setting> fields;
};

/// Everything a program can be told.
struct SettingSchema {
  std::vector<Setting> settings;
  std::vector<SettingList> lists;
  /// Variables with the program's prefix that mean something else and are left alone.
  std::vector<std::string_view> other_variables;
};

/// Values by name, each with where it came from. Asking for a name or a type that the schema does
/// not have is a mistake in the program and throws.
class SettingValues {
 public:
  using Value = std::variant<std::string, bool, std::int64_t, std::vector<std::string>>;
  struct Item {
    Value value;
    std::string origin;  ///< "default", "telecine.toml:12", "TELECINE_SERVER_LISTEN", "--listen"
    bool given = false;  ///< somebody set it
  };

  const std::string& text(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;  ///< numbers, bytes, milliseconds
  const std::vector<std::string>& list(std::string_view name) const;
  bool given(std::string_view name) const { return item(name).given; }
  const std::string& origin(std::string_view name) const { return item(name).origin; }
  const Item& item(std::string_view name) const;

  /// Reads every setting's default. Throws when one does not fit its own row.
  void set_defaults(std::span<const Setting> settings);
  void put(const Setting& setting, Value value, std::string origin);

 private:
  std::map<std::string, Item, std::less<>> items_;
};

/// One table of a list, where it stands, and its values.
struct SettingRow {
  std::string origin;
  SettingValues values;
};

/// What is in force, read in order: file, environment, flags; later wins. All errors are
/// kInvalidParameter with the setting as `field` and a message that names it, where it stands and
/// what would be right; unknown names are answered with the nearest known one.
///
///     Settings settings(schema);
///     if (auto ok = settings.read_file("telecine.toml"); !ok) ...
///     if (auto ok = settings.read_environment(environ); !ok) ...
///     if (auto ok = settings.set("server.listen", ":80", "--listen"); !ok) ...
class Settings {
 public:
  explicit Settings(SettingSchema schema);

  Status read_file(const std::string& path);
  /// `where` names the text in messages.
  Status read_toml(std::string_view text, const std::string& where);
  /// Variables that begin with TELECINE_. An empty variable counts as unset.
  Status read_environment(const char* const* variables);
  /// Lists are separated by commas.
  Status set(std::string_view name, std::string_view text, const std::string& origin);

  const SettingSchema& schema() const { return schema_; }
  const SettingValues& values() const { return values_; }
  /// The rows of [[name]] in the file's order.
  const std::vector<SettingRow>& rows(std::string_view name) const;

 private:
  struct TomlReader;

  const Setting* find(std::string_view name) const;
  Error unknown(std::string_view name, const std::string& where) const;

  SettingSchema schema_;
  SettingValues values_;
  std::map<std::string, std::vector<SettingRow>, std::less<>> rows_;
};

/// "TELECINE_SERVER_LISTEN" and "--server-listen".
std::string variable_of(std::string_view setting);
std::string flag_of(std::string_view setting);

/// What a value of the type has to look like in the file: "a size such as 512M or 20G".
std::string_view form_of(SettingType type);
/// The same error with its place: "telecine.toml:12: server.threads must be ...".
Error placed(Error error, const std::string& where, std::string_view name);

/// The value of a setting as it stands in a variable or a flag.
Result<SettingValues::Value> parse_setting(const Setting& setting, std::string_view text);

/// A value as it is written in TOML: "20G", true, ["a", "b"]. Secrets are "***".
std::string toml_of(const Setting& setting, const SettingValues::Value& value);

/// The settings in force as a TOML file in which a comment says where each value came from, or,
/// with `explain`, also what each of them does.
std::string print_settings(const Settings& settings, bool explain);

}  // namespace telecine
