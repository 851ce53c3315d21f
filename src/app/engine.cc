#include "app/engine.h"

#include <signal.h>
#include <unistd.h>

namespace telecine::app {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Status prepare_data_dir(const std::string& directory) {
  for (const char* folder : {"", "/uploads", "/fetched", "/nodes"}) {
    if (auto made = make_directories(directory + folder); !made) {
      return fail(ErrorCode::kStorageUnavailable,
                  "the data directory cannot be made: " + made.error().message +
                      "; choose another with --data");
    }
  }
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail(ErrorCode::kStorageUnavailable,
                "the data directory " + directory +
                    " cannot be written by this user; fix its owner or choose another with --data");
  }
  return {};
}

Result<Engine> Engine::open(const Config& config, bool with_worker) {
  if (auto ready = prepare_data_dir(config.data.dir); !ready) {
    return std::unexpected(ready.error());
  }
  Engine engine;
  auto rules = object::AddressRules::parse(config.allow_addresses);
  if (!rules) return std::unexpected(rules.error());
  engine.http = std::make_unique<object::HttpClient>(std::move(*rules));
  auto roots = object::Roots::make(config.roots);
  if (!roots) return std::unexpected(roots.error());
  engine.roots = std::make_unique<object::Roots>(std::move(*roots));
  auto store = open_sqlite_store(config.sqlite());
  if (!store) return std::unexpected(store.error());
  engine.store = std::move(*store);
  auto meetings = open_meeting_store({config.data.dir, config.data.synchronous_full});
  if (!meetings) return std::unexpected(meetings.error());
  engine.meetings = std::move(*meetings);
  auto objects = object::LocalObjects::open(config.data.dir);
  if (!objects) return std::unexpected(objects.error());
  engine.objects = std::make_unique<object::LocalObjects>(std::move(*objects));
  auto endpoints = object::Endpoints::make(config.endpoints);
  if (!endpoints) return std::unexpected(endpoints.error());
  // Stored secrets are sealed also where no master key is configured.
  auto keys = seal_keys(config.data.master_key, config.data.dir + "/seal.key");
  if (!keys) return std::unexpected(keys.error());
  engine.storages =
      std::make_unique<Storages>(*engine.store, std::move(*endpoints), std::move(keys->current),
                                 config.storage, std::move(keys->earlier));
  if (!with_worker) return engine;
  auto children = ChildHost::start();
  if (!children) return std::unexpected(children.error());
  engine.children = std::move(*children);
  engine.worker =
      std::make_unique<Worker>(*engine.store, *engine.children, *engine.objects, *engine.http,
                               *engine.roots, *engine.meetings, *engine.storages, config.worker);
  return engine;
}

void block_stop_signals(bool hangup) {
  sigset_t set = stop_signals();
  if (hangup) sigaddset(&set, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

void wait_for_stop_signal(const std::function<void()>& on_hangup) {
  sigset_t set = stop_signals();
  if (on_hangup) sigaddset(&set, SIGHUP);
  int received = 0;
  while (::sigwait(&set, &received) == 0 && received == SIGHUP) on_hangup();
}

}  // namespace telecine::app
