#include "app/serve.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <future>

#include "app/command.h"
#include "app/dialects.h"
#include "app/engine.h"
#include "base/log.h"
#include "http/server.h"
#include "service/service.h"
#include "version.h"
#include "work/delivery.h"

namespace telecine::app {
namespace {

/// Held by the one server of a data directory until the process ends.
Result<Fd> lock_data_dir(const std::string& directory) {
  auto fd = open_file(directory + "/lock", O_RDWR | O_CREAT);
  if (!fd) return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kConflict, "another server is running on the data directory " +
                                          directory +
                                          "; stop it, or choose another directory with --data");
  }
  return fd;
}

/// The first start makes a key, prints its token and leaves it where the command line finds it.
Status make_first_key(const Config& config, Keyring& keys) {
  auto known = keys.list("");
  if (!known) return std::unexpected(known.error());
  if (!known->empty()) return {};
  const AccessKey key = Keyring::make("main");
  const std::string token = Keyring::token_of(key);
  if (auto ok = write_file_durably(config.first_key_path(), token + "\n", 0600); !ok) return ok;
  std::promise<Status> made;
  keys.create(key, [&](const Result<KeyPtr>& result) {
    made.set_value(result ? Status() : std::unexpected(result.error()));
  });
  if (auto ok = made.get_future().get(); !ok) return ok;
  std::fprintf(stderr, "telecine: first access key made: %s (also in %s)\n", token.c_str(),
               config.first_key_path().c_str());
  return {};
}

json::object health_of(const Engine& engine, const Config& config) {
  json::object o;
  o["generation"] = json::object{{"only_animatics", config.worker.generation.only_animatics()}};
  if (engine.worker) {
    json::object layers;
    for (const auto& [name, on] : listed(engine.children->layers())) layers[name] = on;
    o["sandbox"] = std::move(layers);
    o["worker"] =
        json::object{{"node", engine.worker->node()}, {"running", engine.worker->running()}};
  } else {
    o["worker"] = nullptr;
  }
  return o;
}

http::ServerOptions http_options(const Config& config) {
  http::ServerOptions options;
  options.host = config.server.host;
  options.port = config.server.port;
  options.threads = config.server.threads;
  options.tls_certificate = config.server.tls_certificate;
  options.tls_key = config.server.tls_key;
  options.max_connections = config.server.max_connections;
  options.header_bytes = config.server.header_bytes;
  if (config.server.dev) options.headers.set("Telecine-Mode", "development");
  return options;
}

ServiceOptions service_options(const Config& config) {
  ServiceOptions options;
  options.data_dir = config.data.dir;
  options.version = kVersion;
  options.link_life = config.server.link_life;
  options.retention = config.data.retention;
  options.upload_retention = config.data.upload_retention;
  options.rate_per_minute = config.server.rate_per_minute;
  options.development = config.server.dev;
  options.max_input = config.worker.max_input;
  options.min_free = config.worker.min_free;
  options.generation = config.worker.generation;
  return options;
}

/// Where links in callbacks lead, which no request's Host can say.
std::string callback_base(const Config& config, const http::Server& server) {
  if (!config.server.public_url.empty()) return config.server.public_url;
  // Listening everywhere names no address; this machine's own is the best there is.
  return (config.server.tls_certificate.empty() ? "http://" : "https://") +
         (config.server.host.empty() ? "127.0.0.1:" + std::to_string(server.port())
                                     : server.address());
}

void reload_certificate(http::Server& server) {
  if (auto reloaded = server.reload_tls(); !reloaded)
    log_error("the certificate cannot be used; the one before stays",
              {{"why", reloaded.error().message}});
  else
    log_info("the certificate was read again", {});
}

}  // namespace

int serve(const Config& config) {
  const bool tls = !config.server.tls_certificate.empty();
  block_stop_signals(tls);
  if (auto ready = prepare_data_dir(config.data.dir); !ready) return report(ready.error());
  const auto lock = lock_data_dir(config.data.dir);
  if (!lock) return report(lock.error());
  auto engine = Engine::open(config, config.worker_enabled);
  if (!engine) return report(engine.error());
  auto signer = object::LinkSigner::open(config.data.dir);
  if (!signer) return report(signer.error());
  Keyring keys(*engine->store, config.data.master_key, config.keys);
  Service service(*engine->store, *engine->objects, *signer, engine->http->rules(), keys,
                  *engine->storages, service_options(config));
  service.set_meetings(*engine->meetings, config.meetings.keys, config.meetings.retention);

  // Listening comes first, so that a start that fails leaves no key behind that nobody has seen;
  // answering comes last, when all that an answer may need is there.
  auto server = http::Server::listen(http_options(config));
  if (!server) return report(server.error());
  if (auto made = make_first_key(config, keys); !made) return report(made.error());
  auto dialects =
      Dialects::make(config, service,
                     {callback_base(config, **server), [&] { return health_of(*engine, config); },
                      [&] { return static_cast<std::size_t>((*server)->counters().open); }});
  if (!dialects) return report(dialects.error());
  Deliverer deliverer(*engine->store, *engine->http,
                      [&](const Delivery& delivery) { return (*dialects)->packet(delivery); });
  if (engine->worker) engine->worker->start();
  (*server)->serve((*dialects)->router());
  log_info("serving", {{"address", (*server)->address()},
                       {"data", config.data.dir},
                       {"worker", config.worker_enabled},
                       {"version", kVersion}});
  if (config.server.dev) {
    log_warning("development mode: whoever can reach this address may do everything", {});
  }
  if (config.worker.generation.only_animatics()) {
    log_warning("no generation provider is configured; video requests are answered with animatics",
                {});
  }

  wait_for_stop_signal(tls ? [&] { reload_certificate(**server); } : std::function<void()>());
  log_info("draining", {});
  service.set_draining();
  if (engine->worker) engine->worker->drain();
  deliverer.stop();
  service.watch().stop();
  (*server)->stop(config.server.drain);
  engine->meetings->stop();
  engine->store->stop();
  log_info("stopped", {});
  return 0;
}

int work(const Config& config) {
  block_stop_signals(false);
  auto engine = Engine::open(config, true);
  if (!engine) return report(engine.error());
  engine->worker->start();
  log_info("working", {{"data", config.data.dir}, {"node", engine->worker->node()}});
  wait_for_stop_signal({});
  log_info("draining", {});
  engine->worker->drain();
  engine->meetings->stop();
  engine->store->stop();
  return 0;
}

}  // namespace telecine::app
