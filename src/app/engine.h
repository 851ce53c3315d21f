#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "object/http_client.h"
#include "object/links.h"
#include "object/local.h"
#include "object/roots.h"
#include "store/meetings.h"
#include "store/store.h"
#include "work/child_host.h"
#include "work/storages.h"
#include "work/worker.h"

namespace telecine::app {

/// What server and worker processes have in common, opened in the order it is needed and closed in
/// the opposite one.
struct Engine {
  std::unique_ptr<Store> store;
  std::unique_ptr<MeetingStore> meetings;
  std::unique_ptr<object::LocalObjects> objects;
  std::unique_ptr<object::HttpClient> http;
  std::unique_ptr<object::Roots> roots;
  std::unique_ptr<Storages> storages;
  std::unique_ptr<ChildHost> children;
  std::unique_ptr<Worker> worker;

  static Result<Engine> open(const Config& config, bool with_worker);
};

/// Makes the data directory's folders. The message says what is wrong with it.
Status prepare_data_dir(const std::string& directory);

/// Blocks the signals that end a process, in this thread and those it starts. Call first. With
/// `hangup` SIGHUP is none of them but a wish to read things again.
void block_stop_signals(bool hangup);
/// Returns when one of them comes. `on_hangup` is called at each SIGHUP; empty when `hangup` was
/// not set.
void wait_for_stop_signal(const std::function<void()>& on_hangup);

}  // namespace telecine::app
