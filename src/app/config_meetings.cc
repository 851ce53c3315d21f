#include "app/config_meetings.h"

#include <algorithm>

#include "app/config.h"
#include "base/fs.h"
#include "base/text.h"

namespace telecine::app {
namespace {

using enum SettingType;

/// A secret that stands in the row or in a file that the row names.
Result<std::string> secret_in(const SettingRow& row, std::string_view name) {
  const std::string& direct = row.values.text(name);
  const std::string file = row.values.text(std::string(name) + "_file");
  if (direct.empty() == file.empty()) {
    return fail(ErrorCode::kInvalidParameter,
                "needs either " + std::string(name) + " or " + std::string(name) + "_file");
  }
  if (file.empty()) return direct;
  auto text = read_file(file, 4096);
  if (!text) return std::unexpected(text.error());
  return std::string(trim(*text));
}

std::string account_in(const SettingRow& row) {
  const std::string& account = row.values.text("account");
  return account.empty() ? default_account(0) : account;
}

/// "+08:00".
std::optional<int> parse_offset(std::string_view text) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return std::nullopt;
  }
  const auto hours = parse_int(text.substr(1, 2));
  const auto minutes = parse_int(text.substr(4, 2));
  if (!hours || !minutes || *hours < 0 || *hours > 14 || *minutes < 0 || *minutes > 59) {
    return std::nullopt;
  }
  const auto offset = static_cast<int>(*hours * 60 + *minutes);
  return text[0] == '-' ? -offset : offset;
}

/// Scopes as given, or all of them.
Result<feishu::Scopes> scopes_in(const SettingRow& row) {
  const auto& given = row.values.list("scopes");
  auto known = feishu::all_scopes();
  if (given.empty()) return known;
  for (const std::string& scope : given) {
    if (std::ranges::find(*known, scope) != known->end()) continue;
    return fail(ErrorCode::kInvalidParameter,
                "has the scope \"" + scope + "\"; there are " + join(*known, ", "));
  }
  return std::make_shared<const std::vector<std::string>>(given);
}

Result<feishu::App> read_app(const SettingRow& row) {
  feishu::App app;
  app.id = row.values.text("id");
  app.account = account_in(row);
  auto secret = secret_in(row, "secret");
  if (!secret) return std::unexpected(secret.error());
  app.secret = std::move(*secret);
  auto scopes = scopes_in(row);
  if (!scopes) return std::unexpected(scopes.error());
  app.scopes = std::move(*scopes);
  return app;
}

Result<feishu::UserToken> read_user_token(const SettingRow& row) {
  feishu::UserToken token;
  token.app = row.values.text("app");
  token.user = row.values.text("user");
  token.expires = row.values.integer("expires");
  auto text = secret_in(row, "token");
  if (!text) return std::unexpected(text.error());
  if (!text->starts_with("u-") && !text->starts_with("eyJ")) {
    return fail(ErrorCode::kInvalidParameter, "has a token that begins neither with u- nor eyJ");
  }
  token.token = std::move(*text);
  if (token.user.empty()) return fail(ErrorCode::kInvalidParameter, "must name a user");
  auto scopes = scopes_in(row);
  if (!scopes) return std::unexpected(scopes.error());
  token.scopes = std::move(*scopes);
  return token;
}

}  // namespace

std::vector<Setting> meeting_settings() {
  return {
      {.name = "meetings.retention",
       .type = kDuration,
       .fallback = "0",
       .help = "How long records of meetings are kept, from their start; 0 for ever",
       .most = 36'500 * kDay},
      {.name = "feishu.rate_per_minute",
       .type = kInteger,
       .fallback = "100",
       .help = "Calls a minute of one app to one route; 0: no limit",
       .most = 10'000'000},
      {.name = "feishu.utc_offset",
       .fallback = "+08:00",
       .help = "The time zone of times in exports: +08:00"},
      {.name = "feishu.language",
       .type = kChoice,
       .fallback = "zh",
       .help = "Language of headings and words in exports",
       .choices = "zh en"},
      {.name = "feishu.retention",
       .type = kDuration,
       .fallback = "7d",
       .help = "How long exports can be downloaded; 0: as long as their tasks are kept",
       .most = 36'500 * kDay},
      {.name = "feishu.prefix",
       .fallback = "/feishu",
       .help = "A path below which /open-apis is also found; empty: at the root only"},
  };
}

std::vector<SettingList> meeting_lists() {
  return {
      {"meetings.ingest_key",
       {
           {.name = "key", .help = "What senders of records present", .secret = true},
           {.name = "key_file", .help = "A file with the key, instead of key"},
           {.name = "account", .help = "Whose records these are; main when empty"},
       }},
      {"feishu.app",
       {
           {.name = "id", .help = "The app's id: cli_…", .required = true},
           {.name = "secret", .help = "The app's secret", .secret = true},
           {.name = "secret_file", .help = "A file with the secret, instead of secret"},
           {.name = "account", .help = "Whose meetings it sees; main when empty"},
           {.name = "scopes", .type = kList, .help = "What it may do; everything when empty"},
       }},
      {"feishu.user_token",
       {
           {.name = "token", .help = "A token that begins with u- or eyJ", .secret = true},
           {.name = "token_file", .help = "A file with the token, instead of token"},
           {.name = "app", .help = "The id of its app", .required = true},
           {.name = "user", .help = "Whose token it is", .required = true},
           {.name = "scopes", .type = kList, .help = "What it may do; everything when empty"},
           {.name = "expires",
            .type = kInteger,
            .fallback = "0",
            .help = "When it ends, in Unix seconds; 0: never"},
       }},
  };
}

Result<MeetingsConfig> read_meetings(const Settings& settings) {
  MeetingsConfig config;
  config.retention = settings.values().integer("meetings.retention");
  for (const SettingRow& row : settings.rows("meetings.ingest_key")) {
    auto key = secret_in(row, "key");
    if (key && key->size() < 8) {
      key = fail(ErrorCode::kInvalidParameter, "has a key of less than 8 characters");
    }
    if (!key) return std::unexpected(placed(key.error(), row.origin, "meetings.ingest_key"));
    config.keys.push_back({std::move(*key), account_in(row)});
  }
  return config;
}

Result<feishu::Options> read_feishu(const Settings& settings) {
  const SettingValues& values = settings.values();
  feishu::Options options;
  options.rate_per_minute = limit_of(values, "feishu.rate_per_minute");
  const auto offset = parse_offset(values.text("feishu.utc_offset"));
  if (!offset) return refuse_setting(settings, "feishu.utc_offset", "must be like +08:00");
  options.utc_offset_minutes = *offset;
  options.english = values.text("feishu.language") == "en";
  options.retention = values.integer("feishu.retention");
  options.prefix = values.text("feishu.prefix");
  while (options.prefix.ends_with('/')) options.prefix.pop_back();
  const bool is_path =
      options.prefix.starts_with('/') && options.prefix.find_first_of("{}?#%") == std::string::npos;
  if (!options.prefix.empty() && !is_path) {
    return refuse_setting(settings, "feishu.prefix", "must be a path such as /feishu");
  }
  for (const SettingRow& row : settings.rows("feishu.app")) {
    auto app = read_app(row);
    if (!app) return std::unexpected(placed(app.error(), row.origin, "feishu.app"));
    options.apps.push_back(std::move(*app));
  }
  for (const SettingRow& row : settings.rows("feishu.user_token")) {
    auto token = read_user_token(row);
    if (!token) return std::unexpected(placed(token.error(), row.origin, "feishu.user_token"));
    options.user_tokens.push_back(std::move(*token));
  }
  return options;
}

}  // namespace telecine::app
