#include "app/config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "app/config_tencent.h"
#include "app/machine.h"
#include "base/fs.h"
#include "base/text.h"
#include "object/address.h"
#include "service/keyring.h"
#include "version.h"

namespace telecine::app {
namespace {

Status read_listen(const Settings& settings, ServerConfig& server) {
  const std::string& text = settings.values().text("server.listen");
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : parse_int(std::string_view(text).substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535) {
    return refuse_setting(
        settings, "server.listen",
        "must be an address and a port such as 127.0.0.1:8080, [::1]:8080 or :8080, "
        "not \"" +
            printable(text, 80) + "\"");
  }
  server.host = text.substr(0, colon);
  server.port = static_cast<int>(*port);
  if (server.host.starts_with('[') && server.host.ends_with(']')) {
    server.host = server.host.substr(1, server.host.size() - 2);
  } else if (server.host.find(':') != std::string::npos) {
    return refuse_setting(settings, "server.listen",
                          "needs brackets around an IPv6 address: [::1]:8080");
  }
  return {};
}

/// Nobody but this machine may reach a server that asks for no credentials.
Status read_dev(const Settings& settings, ServerConfig& server) {
  server.dev = settings.values().flag("server.dev");
  const auto address = object::IpAddress::parse(server.host);
  const bool is_loopback = server.host == "localhost" || (address && object::is_loopback(*address));
  if (server.dev && settings.values().given("server.trusted_proxies")) {
    return refuse_setting(settings, "server.trusted_proxies",
                          "cannot be set in development mode, which asks nobody for credentials");
  }
  if (!server.dev || is_loopback) return {};
  return refuse_setting(
      settings, "server.listen",
      "must be a loopback address such as 127.0.0.1:8080 in development mode, which asks "
      "nobody for credentials");
}

Status read_public_url(const Settings& settings, ServerConfig& server) {
  server.public_url = settings.values().text("server.public_url");
  while (server.public_url.ends_with('/')) server.public_url.pop_back();
  const std::string& url = server.public_url;
  if (url.empty() || url.starts_with("http://") || url.starts_with("https://")) return {};
  return refuse_setting(settings, "server.public_url", "must begin with https:// or http://");
}

Status read_server(const Settings& settings, ServerConfig& server) {
  const SettingValues& values = settings.values();
  if (auto ok = read_listen(settings, server); !ok) return ok;
  if (auto ok = read_dev(settings, server); !ok) return ok;
  if (auto ok = read_public_url(settings, server); !ok) return ok;
  server.trusted_proxies = values.list("server.trusted_proxies");
  for (const std::string& proxy : server.trusted_proxies) {
    if (object::IpRange::parse(proxy)) continue;
    return refuse_setting(settings, "server.trusted_proxies",
                          "holds \"" + printable(proxy, 80) +
                              "\", which is no address or range such as "
                              "10.0.0.0/8");
  }
  server.tls_certificate = values.text("server.tls_certificate");
  server.tls_key = values.text("server.tls_key");
  if (!server.tls_key.empty() && server.tls_certificate.empty()) {
    return refuse_setting(settings, "server.tls_key",
                          "is of no use without server.tls_certificate");
  }
  const auto threads = static_cast<int>(values.integer("server.threads"));
  server.threads = threads > 0 ? threads : machine_cores();
  server.max_connections = static_cast<int>(values.integer("server.max_connections"));
  server.header_bytes = static_cast<std::size_t>(values.integer("server.header_bytes"));
  server.body_bytes = static_cast<std::size_t>(values.integer("server.body_bytes"));
  server.rate_per_minute = limit_of(values, "server.rate_per_minute");
  server.link_life = values.integer("server.link_life");
  server.drain = values.integer("server.drain");
  return {};
}

Status read_data(const Settings& settings, DataConfig& data) {
  const SettingValues& values = settings.values();
  data.dir = values.text("data.dir");
  while (data.dir.size() > 1 && data.dir.ends_with('/')) data.dir.pop_back();
  if (data.dir.empty()) return refuse_setting(settings, "data.dir", "must name a directory");
  data.retention = values.integer("data.retention");
  data.upload_retention = values.integer("data.upload_retention");
  data.synchronous_full = values.text("data.synchronous") == "full";
  data.cached_tasks = static_cast<std::size_t>(values.integer("data.cached_tasks"));
  const std::string& file = values.text("data.master_key_file");
  if (file.empty()) return {};
  auto key = read_master_key(file);
  if (!key) {
    return refuse_setting(settings, "data.master_key_file",
                          "cannot be used: " + key.error().message);
  }
  data.master_key = std::move(*key);
  return {};
}

WorkerOptions read_worker(const SettingValues& values, const std::string& data_dir) {
  WorkerOptions worker;
  worker.data_dir = data_dir;
  worker.version = kVersion;
  worker.cores = static_cast<int>(values.integer("worker.cores"));
  if (worker.cores == 0) worker.cores = machine_cores();
  worker.memory = values.integer("worker.memory");
  if (worker.memory == 0) worker.memory = machine_memory() / 4 * 3;
  worker.slots = static_cast<int>(values.integer("worker.slots"));
  if (worker.slots == 0) worker.slots = worker.cores + 2;
  worker.stall = values.integer("worker.stall");
  worker.segment = values.integer("worker.segment");
  worker.wall = values.integer("worker.wall");
  worker.max_input = values.integer("worker.max_input");
  worker.max_output = values.integer("worker.max_output");
  worker.min_free = values.integer("worker.min_free");
  worker.warm = values.integer("worker.warm");
  worker.drain = values.integer("worker.drain");
  return worker;
}

Status read_roots(const Settings& settings, std::vector<object::Root>& roots) {
  for (const SettingRow& row : settings.rows("object.root")) {
    std::error_code error;
    const auto path = std::filesystem::absolute(row.values.text("path"), error).lexically_normal();
    roots.push_back({row.values.text("name"), path.string(), row.values.flag("read")});
    if (auto made = object::Roots::make(roots); !made) {
      return fail(ErrorCode::kInvalidParameter, row.origin + ": " + made.error().message,
                  "object.root");
    }
  }
  return {};
}

/// The secret stands in one of three places.
Result<std::string> read_endpoint_secret(const SettingValues& values) {
  const std::string& file = values.text("secret_key_file");
  const std::string& variable = values.text("secret_key_env");
  if (!file.empty()) {
    auto secret = read_file(file, 4096);
    if (!secret) return secret;
    return std::string(trim(*secret));
  }
  if (variable.empty()) return values.text("secret_key");
  const char* secret = std::getenv(variable.c_str());
  if (secret != nullptr) return std::string(secret);
  return fail(ErrorCode::kInvalidParameter, "the variable " + variable + " is not set");
}

Status read_endpoints(const Settings& settings, Config& config) {
  for (const SettingRow& row : settings.rows("object.endpoint")) {
    const SettingValues& values = row.values;
    object::Endpoint endpoint;
    endpoint.name = values.text("name");
    endpoint.type = value_named<object::StoreType>(values.text("type")).value_or(endpoint.type);
    endpoint.region = values.text("region");
    endpoint.url = values.text("url");
    if (values.given("path_style")) endpoint.path_style = values.flag("path_style");
    endpoint.signature = values.text("signature");
    endpoint.presign = values.text("presign");
    endpoint.access_key = values.text("access_key");
    auto secret = read_endpoint_secret(values);
    if (!secret) return std::unexpected(placed(secret.error(), row.origin, "object.endpoint"));
    endpoint.secret_key = std::move(*secret);
    endpoint.session_token_file = values.text("session_token_file");
    endpoint.buckets = values.list("buckets");
    endpoint.ca_file = values.text("ca_file");
    endpoint.public_base_url = values.text("public_base_url");
    config.endpoints.push_back(std::move(endpoint));
    if (auto made = object::Endpoints::make(config.endpoints); !made) {
      return fail(ErrorCode::kInvalidParameter, row.origin + ": " + made.error().message,
                  "object.endpoint");
    }
  }
  const SettingValues& values = settings.values();
  config.storage.presign_life = values.integer("object.presign_ttl");
  config.storage.put_bytes = values.integer("object.put_bytes");
  config.storage.part_bytes = values.integer("object.part_bytes");
  config.storage.retention = values.integer("data.retention");
  return {};
}

Result<AccessKey> read_key(const SettingRow& row) {
  const SettingValues& values = row.values;
  AccessKey key;
  key.id = values.text("id");
  key.secret = values.text("secret");
  const std::string& file = values.text("secret_file");
  if (key.secret.empty() == file.empty()) {
    return fail(ErrorCode::kInvalidParameter, "needs either secret or secret_file");
  }
  if (!file.empty()) {
    auto secret = read_file(file, 4096);
    if (!secret) return std::unexpected(secret.error());
    key.secret = trim(*secret);
  }
  key.app_id = values.integer("app_id");
  key.account = values.text("account");
  if (key.account.empty()) key.account = default_account(key.app_id);
  key.rate_per_minute = static_cast<int>(values.integer("rate_per_minute"));
  auto scopes = scopes_from(values.list("scopes"));
  if (!scopes) return std::unexpected(scopes.error());
  key.scopes = std::move(*scopes);
  if (auto ok = Keyring::check(key); !ok) return std::unexpected(ok.error());
  return key;
}

Status read_keys(const Settings& settings, std::vector<AccessKey>& keys) {
  for (const SettingRow& row : settings.rows("key")) {
    auto key = read_key(row);
    if (!key) return std::unexpected(placed(key.error(), row.origin, "key"));
    const auto same = [&](const AccessKey& other) { return other.id == key->id; };
    if (std::ranges::any_of(keys, same)) {
      return fail(ErrorCode::kInvalidParameter,
                  row.origin + ": another [[key]] has the id " + key->id + " already", "key.id");
    }
    keys.push_back(std::move(*key));
  }
  return {};
}

void read_log(const SettingValues& values, Config& config) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"debug", LogLevel::kDebug},
                                                               {"info", LogLevel::kInfo},
                                                               {"warning", LogLevel::kWarning},
                                                               {"error", LogLevel::kError}};
  for (const auto& [name, level] : kLevels) {
    if (values.text("log.level") == name) config.log_level = level;
  }
  const std::string& format = values.text("log.format");
  config.log_pretty = format == "pretty" || (format == "auto" && ::isatty(STDERR_FILENO) == 1);
}

}  // namespace

std::unexpected<Error> refuse_setting(const std::string& where, std::string_view name,
                                      std::string message) {
  return std::unexpected(
      placed({ErrorCode::kInvalidParameter, std::move(message), {}}, where, name));
}

int limit_of(const SettingValues& values, std::string_view setting) {
  if (values.flag("server.dev") && !values.given(setting)) return 0;
  return static_cast<int>(values.integer(setting));
}

std::string default_account(std::int64_t app_id) {
  return app_id > 0 ? "app-" + std::to_string(app_id) : "main";
}

Result<std::vector<Scope>> scopes_from(const std::vector<std::string>& words) {
  std::vector<Scope> scopes;
  for (const std::string& word : words) {
    const auto scope = value_named<Scope>(word);
    if (!scope) {
      return fail(ErrorCode::kInvalidParameter,
                  "has the scope \"" + word + "\"; there are " + names_listed<Scope>(), "scopes");
    }
    scopes.push_back(*scope);
  }
  return scopes;
}

SqliteOptions Config::sqlite() const {
  return {data.dir, lease, data.cached_tasks, data.synchronous_full};
}

Result<Settings> read_settings(const std::string& file,
                               const std::vector<std::pair<std::string, std::string>>& flags) {
  Settings settings(setting_schema());
  if (!file.empty()) {
    if (auto ok = settings.read_file(file); !ok) return std::unexpected(ok.error());
  }
  if (auto ok = settings.read_environment(environ); !ok) return std::unexpected(ok.error());
  for (const auto& [name, text] : flags) {
    if (auto ok = settings.set(name, text, flag_of(name)); !ok) return std::unexpected(ok.error());
  }
  return settings;
}

Result<Config> make_config(const Settings& settings) {
  const SettingValues& values = settings.values();
  Config config;
  Status ok = read_data(settings, config.data);
  if (ok) ok = read_server(settings, config.server);
  if (ok) ok = read_roots(settings, config.roots);
  if (ok) ok = read_endpoints(settings, config);
  if (ok) ok = read_keys(settings, config.keys);
  if (ok) ok = read_tencent(settings, config.tencent);
  if (!ok) return std::unexpected(ok.error());
  auto meetings = read_meetings(settings);
  if (!meetings) return std::unexpected(meetings.error());
  config.meetings = std::move(*meetings);
  auto feishu = read_feishu(settings);
  if (!feishu) return std::unexpected(feishu.error());
  config.feishu = std::move(*feishu);
  config.worker_enabled = values.flag("worker.enabled");
  config.lease = values.integer("worker.lease");
  config.worker = read_worker(values, config.data.dir);
  config.aliyun = {values.text("aliyun.xml_result_url") == "nested",
                   values.integer("aliyun.link_life")};
  if (auto read = read_generation(settings, config.worker.generation); !read) {
    return std::unexpected(read.error());
  }
  config.allow_addresses = values.list("network.allow_addresses");
  if (config.server.dev) config.allow_addresses.emplace_back(object::AddressRules::kLoopback);
  if (auto rules = object::AddressRules::parse(config.allow_addresses); !rules) {
    return refuse_setting(settings, "network.allow_addresses", rules.error().message);
  }
  read_log(values, config);
  return config;
}

}  // namespace telecine::app
