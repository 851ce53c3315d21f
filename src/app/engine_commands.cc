#include <cstdio>

#include "app/command.h"
#include "app/serve.h"
#include "base/log.h"
#include "store/schema.h"

namespace telecine::app {
namespace {

int with_config(const Arguments& arguments, int (*run)(const Config&)) {
  const auto config = arguments.config();
  if (!config) return report(config.error());
  open_log(config->log_level, config->log_pretty);
  return run(*config);
}

int migrate(const Arguments& arguments) {
  const auto config = arguments.config();
  if (!config) return report(config.error());
  const auto store = open_sqlite_store(config->sqlite());
  if (!store) return report(store.error());
  (*store)->stop();
  std::printf("The database in %s has schema version %d\n", config->data.dir.c_str(),
              sqlite::schema_version());
  return kDone;
}

int print_config(const Arguments& arguments) {
  const auto settings = arguments.settings();
  if (!settings) return report(settings.error());
  std::fputs(print_settings(*settings, arguments.has("explain")).c_str(), stdout);
  // What has the right form may be wrong all the same: a file that is not there, say.
  const auto config = make_config(*settings);
  return config ? static_cast<int>(kDone) : report(config.error());
}

}  // namespace

std::vector<Command> engine_commands() {
  return {
      {.name = "serve",
       .summary = "Run the server, with a worker in it",
       .details = "Works without any configuration: data in ./telecine-data, on 127.0.0.1:8080.\n"
                  "The first start makes an access key, prints its token and leaves it in\n"
                  "first.key in the data directory, where the other commands find it.\n"
                  "SIGTERM and Ctrl-C drain it.\n"
                  "--dev is for laptops and test suites: nobody is asked for credentials.\n\n"
                  "Examples:\n"
                  "  telecine serve\n"
                  "  telecine serve --data /srv/telecine --listen :8080\n"
                  "  telecine serve --dev\n"
                  "  telecine serve --config /etc/telecine.toml --log-format json",
       .takes = Takes::kAllSettings,
       .run = [](const Arguments& arguments) { return with_config(arguments, serve); }},
      {.name = "worker",
       .summary = "Run one more worker beside a server",
       .details = "Works on the same data directory as a running server.\n\n"
                  "Example:\n  telecine worker --data /srv/telecine --worker-cores 4",
       .takes = Takes::kAllSettings,
       .run = [](const Arguments& arguments) { return with_config(arguments, work); }},
      {.name = "migrate",
       .summary = "Bring the database up to this version",
       .details = "`serve` does it too; this does only that.\n\n"
                  "Example:\n  telecine migrate --data /srv/telecine",
       .takes = Takes::kDataSettings,
       .run = migrate},
      {.name = "config print",
       .summary = "Show what is in force and where each value came from",
       .details = "The output is a configuration file. Secrets are not shown. Ends with 2 when\n"
                  "the configuration cannot be used.\n\n"
                  "Examples:\n"
                  "  telecine config print --config /etc/telecine.toml\n"
                  "  telecine config print --explain > telecine.toml",
       .options = {{.name = "--explain", .help = "Say above each setting what it does"}},
       .takes = Takes::kAllSettings,
       .run = print_config},
  };
}

}  // namespace telecine::app
