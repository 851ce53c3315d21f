#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config.h"
#include "base/error.h"

namespace telecine::app {

/// What the process answers its caller; documented in `telecine --help`.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,  ///< the task failed or was cancelled; the operation failed
  kUsage = 2,
  kUnreachable = 3,  ///< no server answers there
  kNotAllowed = 4,   ///< no key, a wrong one, or one without the scope
  kNotThere = 5,
};

ExitCode exit_code_of(ErrorCode code);

/// Says what went wrong on stderr and answers the code to end with.
int report(const Error& error);
int report_usage(const std::string& message);

/// One option or positional argument of a command.
struct OptionSpec {
  std::string_view name;     ///< "--template" or "-o,--output-dir"; of a positional "FILE"
  std::string_view value{};  ///< placeholder in the help; empty: a flag. Not for positionals
  std::string_view help{};
  bool required = false;
  bool many = false;  ///< may be given more than once
};

/// How much of the configuration a command takes.
enum class Takes : std::uint8_t {
  kNoSettings,
  kDataSettings,  ///< every setting counts, the help shows those of the data directory
  kAllSettings,
};

/// What the command line said to one command.
class Arguments {
 public:
  /// By the long name without dashes ("template"), or a positional's as it stands ("FILE").
  void put(const std::string& name, std::vector<std::string> values);
  void put_setting(const std::string& name, const std::string& text);

  bool has(std::string_view name) const { return values_.contains(name); }
  /// Empty when absent.
  std::string text(std::string_view name) const;
  std::optional<std::string> find(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;
  /// Nothing when absent; kInvalidParameter unless a whole number in the range.
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least,
                                              std::int64_t most) const;

  Result<Settings> settings() const;
  Result<Config> config() const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::pair<std::string, std::string>> settings_;
};

/// One command as a value: cli.cc turns these into a parser and help texts.
struct Command {
  std::string_view name;     ///< "submit", "key create"
  std::string_view summary;  ///< one line
  std::string_view details;  ///< more words and an example, shown by --help
  std::vector<OptionSpec> positionals{};
  std::vector<OptionSpec> options{};
  Takes takes = Takes::kNoSettings;
  std::function<int(const Arguments&)> run{};
};

std::vector<Command> engine_commands();    ///< serve, worker, migrate, config print
std::vector<Command> task_commands();      ///< submit, get, watch, list, cancel, retry
std::vector<Command> media_commands();     ///< probe, transcode, sample
std::vector<Command> key_commands();       ///< key create, list, disable, enable
std::vector<Command> template_commands();  ///< template list, show, put, delete
std::vector<Command> doctor_commands();    ///< doctor

}  // namespace telecine::app
