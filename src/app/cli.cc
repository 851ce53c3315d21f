#include "app/cli.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "app/command.h"
#include "base/text.h"
#include "version.h"

// The only place that knows CLI11, which is slow to compile: commands describe themselves as
// values, and here they become a parser.
namespace telecine::app {
namespace {

constexpr const char* kFooter =
    "Exit codes:\n"
    "  0  success\n"
    "  1  the task failed or was cancelled, or the operation failed\n"
    "  2  wrong usage or configuration\n"
    "  3  the server cannot be reached\n"
    "  4  not authorised: no key, a wrong one, or one without the scope\n"
    "  5  not found\n"
    "\n"
    "Start with:\n"
    "  telecine serve\n"
    "  telecine submit clip.mp4 --wait\n"
    "\n"
    "Every setting of `telecine serve --help` is also a key of the file given by --config and an\n"
    "environment variable: server.listen, TELECINE_SERVER_LISTEN, --server-listen.";

/// The long name of an option: "output-dir" of "-o,--output-dir".
std::string long_name(std::string_view name) {
  const auto dashes = name.find("--");
  return std::string(dashes == std::string_view::npos ? name : name.substr(dashes + 2));
}

std::string placeholder(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kFlag:
      return "true|false";
    case SettingType::kInteger:
      return "N";
    case SettingType::kBytes:
      return "SIZE";
    case SettingType::kDuration:
      return "TIME";
    case SettingType::kList:
      return "LIST";
    case SettingType::kChoice: {
      std::string choices(setting.choices);
      std::ranges::replace(choices, ' ', '|');
      return choices;
    }
    case SettingType::kText:
      break;
  }
  return "TEXT";
}

/// A command with its parser.
struct Built {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::vector<std::pair<std::string, CLI::Option*>> options;   // by the argument's name
  std::vector<std::pair<std::string, CLI::Option*>> settings;  // by the setting's name
};

void add_option(Built& built, const OptionSpec& spec, bool positional) {
  const std::string help(spec.help);
  CLI::Option* option = nullptr;
  if (!positional && spec.value.empty()) {
    option = built.app->add_flag(std::string(spec.name), help);
  } else {
    option = built.app->add_option(std::string(spec.name), CLI::callback_t(), help);
    option->type_name(positional ? "" : std::string(spec.value))->expected(1);
  }
  option->required(spec.required);
  option->multi_option_policy(spec.many ? CLI::MultiOptionPolicy::TakeAll
                                        : CLI::MultiOptionPolicy::TakeLast);
  built.options.emplace_back(long_name(spec.name), option);
}

void add_settings(Built& built) {
  const bool all = built.command->takes == Takes::kAllSettings;
  add_option(built,
             {.name = "-c,--config",
              .value = "FILE",
              .help = "TOML file with settings (environment: TELECINE_CONFIG)"},
             false);
  for (const Setting& setting : setting_schema().settings) {
    std::string names = flag_of(setting.name);
    if (setting.name == "data.dir") names += ",--data";
    if (setting.name == "server.listen") names += ",--listen";
    std::string help(setting.help);
    if (!setting.fallback.empty()) help += " [" + std::string(setting.fallback) + "]";
    CLI::Option* option = nullptr;
    if (setting.name == "server.dev") {
      option = built.app->add_flag(names + ",--dev", std::as_const(help));
    } else {
      option = built.app->add_option(names, CLI::callback_t(), help);
      option->type_name(placeholder(setting))->expected(1);
    }
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const bool shown = all || setting.name == "data.dir" || setting.name == "data.master_key_file";
    option->group(shown ? "Settings" : "");
    built.settings.emplace_back(setting.name, option);
  }
}

std::string group_summary(std::string_view group) {
  if (group == "key") return "Make, list and disable access keys";
  if (group == "template") return "List, show and store templates";
  if (group == "config") return "Show the configuration";
  return {};
}

/// The parent of "key create" is "key", made by the first of its children.
CLI::App* parent_of(CLI::App& root, std::string_view name, std::string& own_name) {
  const auto space = name.find(' ');
  own_name = name.substr(space == std::string_view::npos ? 0 : space + 1);
  if (space == std::string_view::npos) return &root;
  const std::string group(name.substr(0, space));
  const auto same = [&](const CLI::App* app) { return app->get_name() == group; };
  if (const auto known = root.get_subcommands(same); !known.empty()) return known.front();
  CLI::App* made = root.add_subcommand(group, group_summary(group));
  made->allow_extras()->require_subcommand(0, 1);
  return made;
}

Built build(CLI::App& root, const Command& command) {
  std::string name;
  CLI::App* parent = parent_of(root, command.name, name);
  Built built{&command, parent->add_subcommand(name, std::string(command.summary)), {}, {}};
  built.app->allow_extras()->require_subcommand(0);
  built.app->footer(std::string(command.details));
  for (const OptionSpec& spec : command.positionals) add_option(built, spec, true);
  for (const OptionSpec& spec : command.options) add_option(built, spec, false);
  if (command.takes != Takes::kNoSettings) add_settings(built);
  return built;
}

Arguments arguments_of(const Built& built) {
  Arguments arguments;
  for (const auto& [name, option] : built.options) {
    if (option->count() > 0) arguments.put(name, option->results());
  }
  for (const auto& [name, option] : built.settings) {
    if (option->count() > 0) arguments.put_setting(name, option->results().back());
  }
  return arguments;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const auto meant = nearest(word, known);
  return meant ? "; did you mean " + *meant + "?" : "";
}

int refuse_word(const Built& built, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::Option* option : built.app->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string name = word.substr(0, word.find('='));
  const std::string command(built.command->name);
  const bool option = name.starts_with('-');
  return report_usage((option ? command + " has no option " + name + suggestion(name, known)
                              : command + " does not take \"" + name + "\" as well") +
                      "\nSee: telecine " + command + " --help");
}

/// `before` is what stands before the parent's own name on the command line.
int refuse_command(const CLI::App& parent, const std::string& before) {
  std::vector<std::string> known;
  for (const CLI::App* child : parent.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(child->get_name());
  }
  const auto words = parent.remaining();
  if (words.empty()) {
    std::fputs(parent.help(before).c_str(), stderr);
    return kUsage;
  }
  return report_usage("there is no command \"" + words.front() + "\"" +
                      suggestion(words.front(), known) + "\nSee: " + before +
                      (before.empty() ? "" : " ") + parent.get_name() + " --help");
}

int dispatch(const CLI::App& root, const std::vector<Built>& all) {
  for (const Built& built : all) {
    if (!built.app->parsed()) continue;
    const auto words = built.app->remaining();
    if (!words.empty()) return refuse_word(built, words.front());
    return built.command->run(arguments_of(built));
  }
  for (const CLI::App* group : root.get_subcommands()) {
    return refuse_command(*group, root.get_name());
  }
  return refuse_command(root, "");
}

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto* group : {&engine_commands, &task_commands, &media_commands, &key_commands,
                      &template_commands, &doctor_commands}) {
    for (Command& command : (*group)()) all.push_back(std::move(command));
  }
  all.push_back({.name = "version",
                 .summary = "Print the version",
                 .details = "",
                 .run = [](const Arguments&) {
                   std::printf("telecine %s\n", kVersion);
                   return static_cast<int>(kDone);
                 }});
  return all;
}

int parse_and_run(int argc, char** argv) {
  CLI::App root("Telecine: a self-hosted media task engine", "telecine");
  root.set_version_flag("--version", std::string("telecine ") + kVersion);
  root.allow_extras()->require_subcommand(0, 1);
  root.footer(kFooter);
  const std::vector<Command> commands = all_commands();
  std::vector<Built> all;
  for (const Command& command : commands) all.push_back(build(root, command));
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return root.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    const auto parsed = root.get_subcommands();
    const std::string command = parsed.empty() ? "" : " " + parsed.front()->get_name();
    return report_usage(std::string(wrong.what()) + "\nSee: telecine" + command + " --help");
  }
  return dispatch(root, all);
}

}  // namespace

int run(int argc, char** argv) {
  // A connection that breaks while it is written to is an error, not the end.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return report({ErrorCode::kInternal, std::string("unexpected: ") + error.what(), {}});
  }
}

}  // namespace telecine::app
