#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/config_meetings.h"
#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/time.h"
#include "dialect/tencent/options.h"
#include "object/endpoint.h"
#include "object/roots.h"
#include "store/store.h"
#include "task/records.h"
#include "work/executor.h"
#include "work/storages.h"

namespace telecine::app {

struct DataConfig {
  std::string dir;
  Millis retention = 0;         ///< of ended tasks and their objects; 0 for ever
  Millis upload_retention = 0;  ///< of uploads that nobody finished; 0 for ever
  std::string master_key;       ///< 32 bytes that seal secrets, or empty
  bool synchronous_full = true;
  std::size_t cached_tasks = 0;
};

struct ServerConfig {
  std::string host;  ///< empty: every address
  int port = 0;
  bool dev = false;        ///< development mode
  std::string public_url;  ///< without a slash at the end; empty: what the request says
  std::vector<std::string> trusted_proxies;  ///< addresses and ranges
  std::string tls_certificate;
  std::string tls_key;
  int threads = 1;
  int max_connections = 0;
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;  ///< of JSON requests; uploads are bounded by worker.max_input
  int rate_per_minute = 0;     ///< of a key without a rate of its own; 0 off
  Millis link_life = 0;
  Millis drain = 0;
};

struct AliyunConfig {
  bool nested_result_url = false;
  Millis link_life = 0;  ///< of links to results
};

/// Everything `serve` and `worker` need to know, checked, with the automatic values filled in.
struct Config {
  DataConfig data;
  ServerConfig server;
  bool worker_enabled = true;
  Millis lease = 0;  ///< silence after which a worker's units are taken up again
  WorkerOptions worker;
  AliyunConfig aliyun;
  std::vector<std::string> allow_addresses;
  std::vector<object::Root> roots;
  std::vector<object::Endpoint> endpoints;
  StorageOptions storage;
  std::vector<AccessKey> keys;  ///< those declared in the file
  MeetingsConfig meetings;
  feishu::Options feishu;
  tencent::Options tencent;
  LogLevel log_level = LogLevel::kInfo;
  bool log_pretty = false;

  SqliteOptions sqlite() const;
  /// Where `serve` leaves the token of the key it makes at its first start.
  std::string first_key_path() const { return data.dir + "/first.key"; }
};

inline constexpr const char* kDefaultDataDir = "./telecine-data";

/// The table of all settings: config_schema.cc.
const SettingSchema& setting_schema();

/// A value that has the right type and cannot be used all the same. `where` is its origin.
std::unexpected<Error> refuse_setting(const std::string& where, std::string_view name,
                                      std::string message);
inline std::unexpected<Error> refuse_setting(const Settings& settings, std::string_view name,
                                             std::string message) {
  return refuse_setting(settings.values().origin(name), name, std::move(message));
}

/// Reads the file (none when empty), the environment and then `flags`, pairs of a setting's name
/// and its text.
Result<Settings> read_settings(const std::string& file,
                               const std::vector<std::pair<std::string, std::string>>& flags);

/// A limit on calls, which development mode takes as none unless somebody set it.
int limit_of(const SettingValues& values, std::string_view setting);

/// Who owns the tasks of a key that names no account: "app-<app id>", or "main".
std::string default_account(std::int64_t app_id);
Result<std::vector<Scope>> scopes_from(const std::vector<std::string>& words);

/// Providers and the model map: config_generation.cc.
Status read_generation(const Settings& settings, provider::Catalogue& catalogue);

/// Errors name the setting and where its value came from.
Result<Config> make_config(const Settings& settings);

}  // namespace telecine::app
