#include "dialect/tencent/front.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "dialect/tencent/errors.h"
#include "dialect/tencent/presets.h"
#include "dialect/tencent/signature.h"

namespace telecine::tencent {
namespace {

constexpr std::array<std::string_view, 2> kPaths = {"/v2/index.php", "/v2/interface.php"};
constexpr std::int64_t kMaxBody = 4 << 20;
constexpr std::array<std::string_view, 4> kRequired = {"SecretId", "Timestamp", "Nonce",
                                                       "Signature"};

struct Refused {
  int number;
  std::string message;
};
using Checked = std::expected<void, Refused>;

std::unexpected<Refused> refused(int number, std::string message = {}) {
  return std::unexpected(Refused{number, std::move(message)});
}

std::string without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  const bool is_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return std::string(is_port ? host.substr(0, colon) : host);
}

bool is_trusted(const Api& api, const http::Request& request) {
  const auto peer = object::IpAddress::parse(request.peer);
  return peer && std::ranges::any_of(api.trusted_proxies, [&](const object::IpRange& range) {
           return range.contains(*peer);
         });
}

/// The host names a client may have had in its configuration.
std::vector<std::string> hosts_of(const Api& api, const http::Request& request) {
  std::vector<std::string> hosts;
  const auto add = [&](std::string host) {
    if (!host.empty() && std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(host);
  };
  const std::string host(request.headers.get("host"));
  add(host);
  add(without_port(host));
  const auto colon = request.local.rfind(':');
  if (colon != std::string::npos) add(without_port(host) + request.local.substr(colon));
  if (is_trusted(api, request)) {
    const std::string forwarded(request.headers.get("x-forwarded-host"));
    add(forwarded);
    add(without_port(forwarded));
  }
  for (const std::string& name : api.options.sign_hosts) add(name);
  return hosts;
}

std::vector<std::string> paths_of(const Api& api, const http::Request& request) {
  std::vector<std::string> paths{request.path};
  if (!api.options.sign_path_prefix.empty()) {
    paths.push_back(api.options.sign_path_prefix + request.path);
  }
  return paths;
}

std::unexpected<Refused> parameter_missing(std::string_view name) {
  return refused(code::kInvalidRequest, "the parameter " + std::string(name) + " is missing");
}

Checked check_common(const Arguments& arguments) {
  for (const std::string_view name : kRequired) {
    if (!arguments.has(name)) return parameter_missing(name);
  }
  const auto time = parse_int(arguments.text("Timestamp"));
  if (time && *time >= 0) return {};
  return refused(code::kInvalidRequest, "Timestamp must be a number of seconds");
}

std::expected<KeyPtr, Refused> find_key(const Api& api, const Arguments& arguments) {
  auto key = api.service.keys().find(arguments.text("SecretId"));
  if (!key && key.error().code != ErrorCode::kNotFound) return refused(code::kUnavailable);
  if (!key || (*key)->disabled) return refused(code::kSecretIdNotFound);
  if (arguments.has("Token")) return refused(code::kTokenFailure);
  return std::move(*key);
}

Checked check_signature(const Api& api, const http::Request& request, const http::Pairs& parameters,
                        const Arguments& arguments, const AccessKey& key) {
  const SignedCall call{http::name_of(request.method), hosts_of(api, request),
                        paths_of(api, request), parameters};
  const Hmac hmac = hmac_named(arguments.text("SignatureMethod"));
  if (is_signed(call, hmac, key.secret, arguments.text("Signature"))) return {};
  return refused(code::kAuthFailure);
}

Checked check_freshness(const Api& api, const Arguments& arguments) {
  const auto sent = parse_int(arguments.text("Timestamp")).value_or(0);
  const std::int64_t now = now_ms() / 1000;
  const std::int64_t skew = api.options.max_skew_s;
  if (sent < now - skew || sent > now + skew) {
    return refused(code::kReplayAttack, "Timestamp is too far from the server's time");
  }
  if (!api.options.replay_check) return {};
  const std::string name =
      "tencent " + arguments.text("SecretId") + " " + arguments.text("Signature");
  // A request stays fresh for as long before its time as after it.
  if (api.service.first_time(name, 2 * skew * 1000)) return {};
  return refused(code::kReplayAttack, "this request was sent before");
}

/// The first letter may come in lower case.
std::string action_of(const Arguments& arguments) {
  std::string name = arguments.text("Action");
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

/// A refused call takes nothing from the action's minute.
Checked check_rate(const Api& api, const Caller& caller, const std::string& action) {
  const std::string name = "tencent " + caller.key->id + " " + action;
  if (!api.service.take_call(caller).allowed) return refused(code::kLimitExceeded);
  if (api.service.take_call(name, api.options.rate_per_minute)) return {};
  return refused(code::kLimitExceeded);
}

/// Who signed the call, and that it is fresh.
std::expected<Caller, Refused> authenticate(const Api& api, const http::Request& request,
                                            const http::Pairs& parameters,
                                            const Arguments& arguments) {
  if (auto developer = api.service.developer()) return *std::move(developer);
  if (auto ok = check_common(arguments); !ok) return std::unexpected(ok.error());
  auto key = find_key(api, arguments);
  if (!key) return std::unexpected(key.error());
  auto ok = check_signature(api, request, parameters, arguments, **key);
  if (ok) ok = check_freshness(api, arguments);
  if (!ok) return std::unexpected(ok.error());
  return Caller{std::move(*key)};
}

/// All checks but those of the action's own parameters, in the documented order.
std::expected<const Action*, Refused> admit(const Api& api, const http::Request& request,
                                            const http::Pairs& parameters,
                                            const Arguments& arguments, Caller& caller) {
  if (!arguments.has("Action")) return parameter_missing("Action");
  auto who = authenticate(api, request, parameters, arguments);
  if (!who) return std::unexpected(who.error());
  caller = std::move(*who);
  const std::string name = action_of(arguments);
  if (auto ok = check_rate(api, caller, name); !ok) return std::unexpected(ok.error());
  const Action* action = find_action(name);
  if (action == nullptr) return refused(code::kUnknownAction);
  if (!caller.key->may(action->scope)) return refused(code::kUnauthorized);
  if (api.service.draining()) return refused(code::kUnavailable);
  return action;
}

void serve(const Api& api, const http::Request& request, const http::Responder& respond) {
  const auto parameters = parameters_of(request);
  if (!parameters) {
    return respond(refusal(api.options, code::kInvalidRequest, parameters.error().message));
  }
  Arguments arguments(*parameters);
  Caller caller;
  auto action = admit(api, request, *parameters, arguments, caller);
  if (!action) {
    return respond(refusal(api.options, action.error().number, action.error().message));
  }
  const Call call{api, std::move(arguments), std::move(caller), api.base_url(request), respond};
  (*action)->run(call);
}

}  // namespace

std::int64_t Call::app_id() const {
  return caller.key->app_id > 0 ? caller.key->app_id : api.options.app_id;
}

View Call::view() const {
  return make_view(api, app_id(), caller.account(), base);
}

void Call::refuse(int number, const std::string& message) const {
  respond(refusal(api.options, number, message));
}

View make_view(const Api& api, std::int64_t app_id, const std::string& account, std::string base) {
  Service& service = api.service;
  return {api.options, app_id,
          [&service, base](const Task& task, const OutputFile& file) {
            return service.url_of(task, file.url, base);
          },
          [&service, account, base](Id id) -> std::optional<View::Source> {
            auto file = service.files().get(account, id);
            if (!file) return std::nullopt;
            const std::string url = base + service.link(*file);
            return View::Source{std::move(*file), url};
          }};
}

void mount(http::Router& router, Api& api) {
  load_presets();
  const http::Handler handler = [&api](http::Request& request, const http::Params&,
                                       const http::Responder& respond) {
    serve(api, request, respond);
  };
  for (const std::string_view path : kPaths) {
    router.add(http::Method::kGet, path, handler);
    router.add(http::Method::kPost, path, handler, {.max_body = kMaxBody, .stream = {}});
  }
}

bool owns(std::string_view path) {
  return std::ranges::find(kPaths, path) != kPaths.end();
}

http::Response refused_by_server(const Api& api, int status, std::string_view detail) {
  constexpr int kServersFault = 500;
  if (status >= kServersFault) return refusal(api.options, code::kInternal);
  constexpr int kMethodNotAllowed = 405;
  if (status == kMethodNotAllowed) detail = "the method must be GET or POST";
  return refusal(api.options, code::kInvalidRequest, std::string(detail));
}

std::string callback_body(const Api& api, const Task& task) {
  const View view = make_view(api, api.options.app_id, task.account, api.callback_base);
  return json::serialize(event(view, task));
}

}  // namespace telecine::tencent
