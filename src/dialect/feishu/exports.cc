#include <algorithm>
#include <array>

#include "dialect/feishu/feishu.h"
#include "dialect/feishu/requests.h"
#include "dialect/feishu/tokens.h"

namespace telecine::feishu {
namespace {

constexpr std::string_view kOrigin = "feishu";
constexpr std::string_view kRoot = "/open-apis";
constexpr std::string_view kExports = "/open-apis/vc/v1/exports/";
constexpr std::string_view kAuth = "/open-apis/auth/v3/";
constexpr std::string_view kUserIdScope = "contact:user.employee_id:readonly";

const std::vector<std::string> kExportScopes = {"vc:export", "vc:meeting:export"};

/// A call that has passed the checks of token, rate and scope.
struct Call {
  const Api& api;
  http::Request& request;
  http::Params params;
  Identity identity;
  http::Responder respond;

  void fail(Fault fault, const Details& details = {}) const {
    respond(failure(api, fault, details));
  }
  void refuse(const Violation& violation) const {
    fail(Fault::kBadParameter, {.field = violation, .scope_type = {}, .scopes = {}});
  }
};
using CallHandler = std::function<void(Call&)>;

bool holds_any(const Identity& identity, const std::vector<std::string>& wanted) {
  return std::ranges::any_of(wanted, [&](const std::string& scope) {
    return std::ranges::find(identity.scopes, scope) != identity.scopes.end();
  });
}

/// The answer to a call that lacks a scope. A person lacks a privilege, an app a scope.
http::Response lacking(const Call& call, const std::string& scope, std::string_view app_type) {
  const bool person = !call.identity.user.empty();
  return failure(call.api, person ? Fault::kNoUserScope : Fault::kNoAppScope,
                 {.field = {},
                  .scope_type = person ? "action_privilege_required" : std::string(app_type),
                  .scopes = {scope}});
}

http::Response too_many(const Api& api, const WindowState& window) {
  auto response = failure(api, Fault::kTooMany);
  const std::string reset = std::to_string(window.reset_s);
  response.headers.set("x-ogw-ratelimit-limit", std::to_string(api.options.rate_per_minute));
  response.headers.set("x-ogw-ratelimit-reset", reset);
  response.headers.set("Retry-After", reset);
  return response;
}

/// Checks token, rate and scope, in this order.
http::Handler guarded(const Api& api, std::string route, CallHandler handler) {
  return [&api, route = std::move(route), handler = std::move(handler)](
             http::Request& request, http::Params params, const http::Responder& respond) {
    auto identity = identify(api, request.headers.get("authorization"), now_ms() / 1000);
    if (!identity) return respond(failure(api, identity.error()));
    const std::string bucket = "feishu|" + identity->app.id + "|" + route;
    const auto window = api.service.take_window(bucket, api.options.rate_per_minute);
    if (!window.allowed) return respond(too_many(api, window));
    Call call{api, request, std::move(params), std::move(*identity), respond};
    if (!holds_any(call.identity, kExportScopes)) {
      return respond(lacking(call, kExportScopes.front(), "action_scope_required"));
    }
    handler(call);
  };
}

Fault fault_of(const Error& error) {
  return error.code == ErrorCode::kNotFound ? Fault::kNotThere : Fault::kInternal;
}

/// Finds the meeting, and for quality the participant, that an export is about.
Status look_up(const Call& call, const Lookup& lookup, ExportSpec& spec) {
  auto snapshot = call.api.service.meetings().snapshot();
  if (!snapshot) return std::unexpected(snapshot.error());
  const std::string& account = call.identity.app.account;
  auto instance = (*snapshot)->find_meeting(account, lookup.meeting_no, lookup.status, lookup.start,
                                            lookup.end);
  if (!instance) return std::unexpected(instance.error());
  spec.instance = std::move(*instance);
  if (!lookup.join) return {};
  constexpr std::int64_t kNear = 60;
  auto read = (*snapshot)->participants(
      account, spec.instance, spec.user, spec.room, [&](const ParticipantFacts& one) -> Status {
        const std::int64_t apart = one.join / 1000 - *lookup.join;
        if (spec.participant.empty() && apart >= -kNear && apart <= kNear) {
          spec.participant = one.id;
        }
        return {};
      });
  if (!read) return read;
  if (spec.participant.empty()) return fail(ErrorCode::kNotFound, "there is no such participant");
  return {};
}

/// What of the caller a task has to remember.
json::object owner_of(const Identity& identity) {
  json::object owner{{"app", identity.app.id}};
  if (!identity.user.empty()) owner["user"] = identity.user;
  return owner;
}

void submit(const Call& call, const ExportSpec& spec) {
  TaskRequest request;
  request.kind = TaskKind::kExport;
  request.origin = kOrigin;
  request.options[kExportOption] = to_json(spec);
  request.dialect = owner_of(call.identity);
  // The engine's callers are keys; this one stands for the app's account.
  auto key = std::make_shared<AccessKey>();
  key->id = call.identity.app.id;
  key->account = call.identity.app.account;
  call.api.service.submit(
      Caller{std::move(key)}, std::move(request),
      [&api = call.api, respond = call.respond](const Result<Submitted>& made) {
        if (!made) return respond(failure(api, Fault::kInternal));
        respond(success(api, {{"task_id", std::to_string(made->task->id.key)}}));
      });
}

void create(Call& call, Report report) {
  const auto id_type = user_id_type_from(call.request);
  if (id_type && *id_type == UserIdType::kUserId &&
      !holds_any(call.identity, {std::string(kUserIdScope)})) {
    return call.respond(lacking(call, std::string(kUserIdScope), "field_scope_required"));
  }
  const auto body = parse_json(call.request.body);
  if (!body || !body->is_object()) return call.fail(Fault::kBadBody);
  if (!id_type) return call.refuse(id_type.error());
  const UserRef who{*id_type, "", call.identity.app.id};
  auto wanted = export_request_from(body->get_object(), report, who, now_ms() / 1000);
  if (!wanted) return call.refuse(wanted.error());
  wanted->spec.english = call.api.options.english;
  wanted->spec.utc_offset_minutes = call.api.options.utc_offset_minutes;
  if (wanted->lookup) {
    auto found = look_up(call, *wanted->lookup, wanted->spec);
    if (!found) return call.fail(fault_of(found.error()));
  }
  submit(call, wanted->spec);
}

/// An export that the caller may see; answers itself otherwise.
TaskPtr own_task(const Call& call, const Result<TaskPtr>& task) {
  if (!task) {
    call.fail(fault_of(task.error()));
    return nullptr;
  }
  const auto* owner = (*task)->spec.options.if_contains("dialect");
  if ((*task)->origin != kOrigin || owner == nullptr) {
    call.fail(Fault::kNotThere);
    return nullptr;
  }
  const bool own = (*task)->account == call.identity.app.account && owner->is_object() &&
                   owner->get_object() == owner_of(call.identity);
  if (!own) {
    call.fail(Fault::kNoPermission);
    return nullptr;
  }
  return *task;
}

const OutputFile* file_of(const Task& task) {
  if (task.state != TaskState::kSucceeded || task.outputs.empty()) return nullptr;
  const auto& files = task.outputs.front().files;
  return files.empty() ? nullptr : &files.front();
}

/// Why a task ended without a file, in words that give nothing away.
std::string_view fail_message(const Task& task) {
  constexpr std::pair<ErrorCode, std::string_view> kMessages[] = {
      {ErrorCode::kCancelled, "task cancelled"},
      {ErrorCode::kOutOfSpace, "storage error"},
      {ErrorCode::kStorageUnavailable, "storage error"},
      {ErrorCode::kStorageDenied, "no permission"}};
  if (task.state == TaskState::kCancelled) return "task cancelled";
  for (const auto& [code, message] : kMessages) {
    if (task.error && task.error->code == code) return message;
  }
  return "internal error";
}

/// "http://host/prefix", up to the dialect's own paths.
std::string base_of(const Call& call) {
  std::string base = call.api.public_url;
  if (base.empty()) {
    const auto host = call.request.headers.get("host");
    base = std::string(call.request.tls ? "https://" : "http://") +
           (host.empty() ? call.request.local : std::string(host));
  }
  std::string_view prefix(call.request.path);
  prefix = prefix.substr(0, prefix.find(kRoot));
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return base.append(prefix);
}

enum class ExportStatus : int { kProcessing = 1, kFailed = 2, kFinished = 3 };

void read(Call& call) {
  const auto number = task_number_from(call.params["task_id"]);
  if (!number) return call.refuse(number.error());
  const auto task = own_task(call, call.api.service.get_by_number(*number));
  if (!task) return;
  json::object data;
  const auto set_status = [&](ExportStatus status) { data["status"] = static_cast<int>(status); };
  if (!is_final(task->state)) {
    set_status(ExportStatus::kProcessing);
  } else if (file_of(*task) == nullptr) {
    set_status(ExportStatus::kFailed);
    data["fail_msg"] = fail_message(*task);
  } else {
    const std::string token = file_token(call.api, task->id);
    set_status(ExportStatus::kFinished);
    data["url"] = base_of(call).append(kExports).append("download?file_token=").append(token);
    data["file_token"] = token;
  }
  call.respond(success(call.api, std::move(data)));
}

void download(Call& call) {
  const auto token = call.request.query_parameter("file_token");
  if (!token || token->empty()) return call.refuse({"file_token", "is required"});
  const auto id = task_of_file_token(call.api, *token);
  if (!id) return call.fail(Fault::kNotThere);
  const auto task = own_task(call, call.api.service.store().get(*id));
  if (!task) return;
  const OutputFile* file = file_of(*task);
  const Millis life = call.api.options.retention;
  const bool expired = life > 0 && task->finished + life <= now_ms();
  if (file == nullptr || expired) return call.fail(Fault::kNotThere);
  auto object = call.api.service.open_output(*file);
  if (!object) return call.fail(fault_of(object.error()));
  http::Response response;
  response.content_type = object->type;
  response.headers.set("Content-Disposition", "attachment; filename=\"" +
                                                  task->outputs.front().name + "_" +
                                                  std::to_string(task->id.key) + ".xlsx\"");
  add_headers(call.api, response);
  response.body = http::FileBody{std::move(object->fd), object->size, object->modified,
                                 std::move(object->etag)};
  call.respond(std::move(response));
}

http::Handler unknown(const Api& api) {
  return [&api](http::Request&, const http::Params&, const http::Responder& respond) {
    respond(unknown_route(api));
  };
}

void mount_tokens(http::Router& router, const Api& api, const std::string& prefix) {
  for (const bool app : {false, true}) {
    const std::string name = app ? "app_access_token/internal" : "tenant_access_token/internal";
    for (const char* end : {"", "/"}) {
      router.add(
          http::Method::kPost, prefix + std::string(kAuth) + name + end,
          [&api, app](http::Request& request, const http::Params&, const http::Responder& respond) {
            answer_token(api, request, respond, app);
          });
    }
  }
}

void mount_exports(http::Router& router, const Api& api, const std::string& prefix) {
  using http::Method;
  const std::string exports = prefix + std::string(kExports);
  for (const auto& [report, name] : kNames<Report>) {
    router.add(Method::kPost, exports + std::string(name),
               guarded(api, std::string(name), [report](Call& call) { create(call, report); }));
    // Not a task of that name.
    router.add(Method::kGet, exports + std::string(name), unknown(api));
  }
  router.add(Method::kGet, exports + "download", guarded(api, "download", download));
  router.add(Method::kGet, exports + "{task_id}", guarded(api, "get", read));
}

void mount_unknown(http::Router& router, const Api& api, const std::string& prefix) {
  using enum http::Method;
  for (const auto method : {kGet, kPost, kPut, kPatch, kDelete, kOptions}) {
    router.add(method, prefix + std::string(kRoot) + "/{rest...}", unknown(api));
  }
}

/// Where the dialect stands; clients whose address ends in a slash send two.
std::vector<std::string> prefixes_of(const Api& api) {
  std::vector<std::string> prefixes = {"", "/"};
  if (!api.options.prefix.empty()) {
    prefixes.push_back(api.options.prefix);
    prefixes.push_back(api.options.prefix + "/");
  }
  return prefixes;
}

}  // namespace

const std::vector<std::string>& all_scopes() {
  static const std::vector<std::string> kAll = {"vc:export",
                                                "vc:meeting:export",
                                                "vc:room:readonly",
                                                "vc:report:readonly",
                                                "vc:rooms.room.detailinfo:read",
                                                std::string(kUserIdScope)};
  return kAll;
}

void mount(http::Router& router, const Api& api) {
  for (const std::string& prefix : prefixes_of(api)) {
    mount_tokens(router, api, prefix);
    mount_exports(router, api, prefix);
    mount_unknown(router, api, prefix);
  }
}

std::optional<http::Response> refusal(const Api& api, int status, std::string_view path) {
  const auto is_ours = [&](const std::string& prefix) {
    return path.starts_with(prefix + std::string(kRoot) + "/");
  };
  if (!std::ranges::any_of(prefixes_of(api), is_ours)) return std::nullopt;
  if (status >= 500) return failure(api, Fault::kInternal);
  return failure(api, Fault::kBadBody);
}

}  // namespace telecine::feishu
