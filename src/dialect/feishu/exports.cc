#include <algorithm>

#include "dialect/feishu/call.h"
#include "dialect/feishu/documents.h"
#include "dialect/feishu/requests.h"

namespace telecine::feishu {
namespace {

constexpr std::string_view kOrigin = "feishu";
constexpr std::string_view kRoot = "/open-apis";
constexpr std::string_view kExports = "/open-apis/vc/v1/exports/";
constexpr std::string_view kAuth = "/open-apis/auth/v3/";
constexpr std::string_view kMeetings = "/open-apis/vc/v1/";

const std::string kUserIdScope = "contact:user.employee_id:readonly";
const std::vector<std::string> kExportScopes = {"vc:export", "vc:meeting:export"};
const std::vector<std::string> kListScopes = {"vc:room:readonly", "vc:rooms.room.detailinfo:read"};
const std::vector<std::string> kReportScopes = {"vc:report:readonly"};

Fault fault_of(const Error& error) {
  if (error.code == ErrorCode::kNotFound) return Fault::kNotThere;
  return error.code == ErrorCode::kForbidden ? Fault::kNoPermission : Fault::kInternal;
}

/// The engine's callers are keys; this one stands for the app's account.
Caller caller_of(const Identity& identity) {
  auto key = std::make_shared<AccessKey>();
  key->id = identity.app.id;
  key->account = identity.app.account;
  return Caller{std::move(key)};
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

bool owns(const Identity& identity, const Task& task) {
  const auto* memory = task.spec.options.if_contains("dialect");
  const auto* owner = memory != nullptr ? memory->if_object() : nullptr;
  const auto is = [&](std::string_view name, const std::string& wanted) {
    const auto* value = owner->if_contains(name);
    return value == nullptr ? wanted.empty() : value->is_string() && value->get_string() == wanted;
  };
  return owner != nullptr && is("app", identity.app.id) && is("user", identity.user);
}

void submit(const Call& call, const ExportSpec& spec) {
  TaskRequest request;
  request.kind = TaskKind::kExport;
  request.origin = kOrigin;
  request.options[kExportOption] = to_json(spec);
  request.dialect = owner_of(call.identity);
  call.api.service.submit(
      caller_of(call.identity), std::move(request),
      [&api = call.api, respond = call.respond](const Result<Submitted>& made) {
        if (!made) return respond(failure(api, Fault::kInternal));
        respond(success(api, {{"task_id", std::to_string(made->task->id.key)}}));
      });
}

void create(Call& call, Report report) {
  const auto id_type = user_id_type_from(call.request);
  if (id_type && *id_type == UserIdType::kUserId &&
      !call.may(kUserIdScope, "field_scope_required")) {
    return;
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
  if (!owns(call.identity, **task)) {
    call.fail(Fault::kNoPermission);
    return nullptr;
  }
  return *task;
}

/// "http://host/prefix", up to the dialect's own paths.
std::string base_of(const Call& call) {
  std::string base = call.api.base_url(call.request);
  std::string_view prefix(call.request.path);
  prefix = prefix.substr(0, prefix.find(kRoot));
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return base.append(prefix);
}

void read(Call& call) {
  const auto number = task_number_from(call.params["task_id"]);
  if (!number) return call.refuse(number.error());
  const auto task =
      own_task(call, call.api.service.get_of(caller_of(call.identity), kOrigin, *number));
  if (!task) return;
  constexpr Millis kKept = 60'000;
  const std::string download = base_of(call).append(kExports).append("download?file_token=");
  const auto document = call.api.documents->get(task, download, now_ms() + kKept, [&] {
    auto data = export_data(*task, download, file_token(call.api, task->id));
    return DocumentCache::Document{
        std::make_shared<const std::string>(success_text(std::move(data))), {}};
  });
  call.respond(success(call.api, document.body));
}

void download(Call& call) {
  const auto token = call.request.query_parameter("file_token");
  if (!token || token->empty()) return call.refuse({"file_token", "is required"});
  const auto id = task_of_file_token(call.api, *token);
  if (!id) return call.fail(Fault::kNotThere);
  const auto task = own_task(call, call.api.service.get_of(caller_of(call.identity), kOrigin, *id));
  if (!task) return;
  const OutputFile* file = workbook_of(*task);
  const Millis life = call.api.options.retention;
  const bool expired = life > 0 && task->finished + life <= now_ms();
  if (file == nullptr || expired) return call.fail(Fault::kNotThere);
  auto object = call.api.service.open_output(*file);
  if (!object) return call.fail(fault_of(object.error()));
  http::Response response;
  response.content_type = object->type;
  response.headers.set("Content-Disposition",
                       "attachment; filename=\"" + workbook_name(*task) + "\"");
  add_headers(call.api, response);
  response.body = http::FileBody{std::move(object->fd), object->size, object->modified,
                                 std::move(object->etag)};
  call.respond(std::move(response));
}

http::RouteOptions with_body() {
  constexpr std::int64_t kMaxBody = 1 << 20;
  http::RouteOptions options;
  options.max_body = kMaxBody;
  return options;
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
          },
          with_body());
    }
  }
}

void mount_exports(http::Router& router, const Api& api, const std::string& prefix) {
  using http::Method;
  const std::string exports = prefix + std::string(kExports);
  for (const auto& [report, name] : kNames<Report>) {
    router.add(Method::kPost, exports + std::string(name),
               guarded(api, std::string(name), kExportScopes,
                       [report](Call& call) { create(call, report); }),
               with_body());
    // Not a task of that name.
    router.add(Method::kGet, exports + std::string(name), unknown(api));
  }
  router.add(Method::kGet, exports + "download", guarded(api, "download", kExportScopes, download));
  router.add(Method::kGet, exports + "{task_id}", guarded(api, "get", kExportScopes, read));
}

/// The platform's lists and reports are known and not there.
void mount_lists(http::Router& router, const Api& api, const std::string& prefix) {
  const auto add = [&](const std::string& name, const std::vector<std::string>& scopes) {
    router.add(http::Method::kGet, prefix + std::string(kMeetings) + name,
               guarded(api, "list " + name, scopes,
                       [](const Call& call) { call.fail(Fault::kNotSupported); }));
  };
  for (const auto& [report, name] : kNames<Report>) add(std::string(name), kListScopes);
  for (const char* name : {"get_daily", "get_top_user"}) {
    add(std::string("reports/") + name, kReportScopes);
  }
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

Scopes all_scopes() {
  static const Scopes kAll =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{
          "vc:export", "vc:meeting:export", "vc:room:readonly", "vc:report:readonly",
          "vc:rooms.room.detailinfo:read", kUserIdScope});
  return kAll;
}

void mount(http::Router& router, const Api& api) {
  for (const std::string& prefix : prefixes_of(api)) {
    mount_tokens(router, api, prefix);
    mount_exports(router, api, prefix);
    mount_lists(router, api, prefix);
    mount_unknown(router, api, prefix);
  }
}

std::optional<http::Response> refusal(const Api& api, int status, std::string_view path) {
  const auto is_ours = [&](const std::string& prefix) {
    return path.starts_with(prefix + std::string(kRoot) + "/");
  };
  if (!std::ranges::any_of(prefixes_of(api), is_ours)) return std::nullopt;
  if (status == 404 || status == 405 || status == 501) return unknown_route(api);
  if (status >= 500) return failure(api, Fault::kInternal);
  return failure(api, Fault::kBadBody);
}

}  // namespace telecine::feishu
