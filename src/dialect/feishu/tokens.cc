#include "dialect/feishu/tokens.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::feishu {
namespace {

constexpr std::int64_t kLife = 7200;  ///< seconds
/// How long before its end a token is followed by the next one.
constexpr std::int64_t kOverlap = 1800;
constexpr std::int64_t kPeriod = kLife - kOverlap;

constexpr int kFreeFailures = 20;  ///< a minute and app, before answers are delayed
constexpr Millis kFailureDelay = 1000;

std::string signed_token(const Api& api, const App& app, std::int64_t expires) {
  const std::string claim = base64url(app.id) + "." + std::to_string(expires);
  // The secret is signed too: a new one makes the tokens of the old one void.
  const std::string mac = hmac_sha256(api.key, "token\n" + claim + "\n" + app.secret);
  return "t-" + claim + "." + base64url(mac);
}

std::optional<std::string> app_id_of(std::string_view encoded) {
  std::string standard(encoded);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  return unbase64(standard);
}

std::expected<Identity, Fault> identify_tenant(const Api& api, std::string_view token,
                                               std::int64_t now_s) {
  const auto bad = std::unexpected(Fault::kBadTenantToken);
  constexpr std::size_t kMaxToken = 1024;
  if (token.size() > kMaxToken) return bad;
  const auto parts = split(token.substr(2), '.');
  if (parts.size() != 3) return bad;
  const auto id = app_id_of(parts[0]);
  const auto expires = parse_int(parts[1]);
  if (!id || !expires) return bad;
  auto app = find_app(api, *id);
  if (!app || !equal_constant_time(signed_token(api, *app, *expires), token)) return bad;
  if (*expires <= now_s) return bad;
  Identity identity{std::move(*app), "", {}};
  identity.scopes = identity.app.scopes;
  return identity;
}

std::expected<Identity, Fault> identify_user(const Api& api, std::string_view token,
                                             std::int64_t now_s) {
  const UserToken* found = nullptr;
  for (const UserToken& known : api.options.user_tokens) {
    if (equal_constant_time(known.token, token)) found = &known;
  }
  if (found == nullptr) return std::unexpected(Fault::kBadUserToken);
  auto app = find_app(api, found->app);
  if (!app) return std::unexpected(Fault::kBadUserToken);
  if (found->expires > 0 && found->expires <= now_s) {
    return std::unexpected(Fault::kUserTokenExpired);
  }
  return Identity{std::move(*app), found->user, found->scopes};
}

bool is_app_id_form(std::string_view id) {
  constexpr auto kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return id.size() == 20 && id.starts_with("cli_") &&
         id.substr(4).find_first_not_of(kLetters) == std::string_view::npos;
}

json::object invalid_parameter() {
  return {{"code", 10003}, {"data", json::object()}, {"msg", "invalid param"}};
}

json::object refused(std::string_view message) {
  return {{"code", 10014}, {"msg", message}};
}

struct Credentials {
  std::string id;
  std::string secret;
};

std::optional<Credentials> credentials_in(std::string_view body) {
  const auto value = parse_json(body);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  Credentials found;
  for (const auto& [name, target] :
       {std::pair{"app_id", &found.id}, std::pair{"app_secret", &found.secret}}) {
    const auto* text = object->if_contains(name);
    if (text == nullptr || !text->is_string() || text->get_string().empty()) return std::nullopt;
    *target = text->get_string();
  }
  return found;
}

/// In development mode, the app that every caller is.
std::optional<App> developer_app(const Api& api) {
  const auto caller = api.service.developer();
  if (!caller) return std::nullopt;
  return App{caller->key->id, caller->key->secret, caller->account(), all_scopes()};
}

http::Response granted(const Api& api, const App& app, bool with_app_token) {
  const auto token = issue_token(api, app, now_ms() / 1000);
  json::object body{{"code", 0}, {"msg", "ok"}};
  if (with_app_token) body["app_access_token"] = token.text;
  body["tenant_access_token"] = token.text;
  body["expire"] = token.expires_in;
  return document(api, 200, body);
}

}  // namespace

std::optional<App> find_app(const Api& api, const std::string& id) {
  for (const App& app : api.options.apps) {
    if (app.id == id) return app;
  }
  if (!api.options.apps.empty()) return std::nullopt;
  auto key = api.service.keys().find(id);
  if (!key || (*key)->disabled || !(*key)->may(Scope::kWrite)) return std::nullopt;
  return App{(*key)->id, (*key)->secret, (*key)->account, all_scopes()};
}

IssuedToken issue_token(const Api& api, const App& app, std::int64_t now_s) {
  // Counted from one second later, so that 1800 s before the end still belong to the period.
  const std::int64_t expires = (now_s - 1) / kPeriod * kPeriod + kLife;
  return {signed_token(api, app, expires), expires - now_s};
}

std::expected<Identity, Fault> identify(const Api& api, std::string_view authorization,
                                        std::int64_t now_s) {
  constexpr std::string_view kScheme = "Bearer ";
  if (auto app = developer_app(api)) return Identity{*app, "", app->scopes};
  if (!authorization.starts_with(kScheme)) return std::unexpected(Fault::kMissingToken);
  const auto token = trim(authorization.substr(kScheme.size()));
  if (token.empty()) return std::unexpected(Fault::kMissingToken);
  if (token.starts_with("t-")) return identify_tenant(api, token, now_s);
  if (token.starts_with("u-") || token.starts_with("eyJ")) return identify_user(api, token, now_s);
  return std::unexpected(token.starts_with("a-") ? Fault::kBadAppToken : Fault::kBadTokenKind);
}

std::string file_token(const Api& api, Id task) {
  const std::string id = task.hex();
  return id + hex(hmac_sha256(api.key, "file\n" + id).substr(0, 16));
}

std::optional<Id> task_of_file_token(const Api& api, std::string_view token) {
  constexpr std::size_t kIdDigits = 32;
  const auto id = Id::from_hex(token.substr(0, kIdDigits));
  if (!id || !equal_constant_time(file_token(api, *id), token)) return std::nullopt;
  return id;
}

void answer_token(const Api& api, const http::Request& request, const http::Responder& respond,
                  bool with_app_token) {
  if (const auto app = developer_app(api)) return respond(granted(api, *app, with_app_token));
  const auto given = credentials_in(request.body);
  if (!given) return respond(document(api, 200, invalid_parameter()));
  const auto app = find_app(api, given->id);
  if (app && equal_constant_time(app->secret, given->secret)) {
    return respond(granted(api, *app, with_app_token));
  }
  auto answer = document(api, 200,
                         app                         ? refused("app secret invalid")
                         : is_app_id_form(given->id) ? refused("app id not exists")
                                                     : invalid_parameter());
  // Nobody guesses the secret of an app that does not exist.
  if (!app) return respond(std::move(answer));
  const std::string name = "feishu-failures|" + given->id;
  if (api.service.take_window(name, kFreeFailures).allowed) return respond(std::move(answer));
  auto late = std::make_shared<http::Response>(std::move(answer));
  api.service.delay(kFailureDelay, [respond, late] { respond(std::move(*late)); });
}

}  // namespace telecine::feishu
