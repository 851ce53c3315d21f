#include "dialect/aliyun/actions.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "dialect/aliyun/answers.h"
#include "dialect/aliyun/documents.h"

namespace telecine::aliyun {
namespace {

/// Lengths are in characters, those of URLs in bytes.
struct Bound {
  const char* name;
  bool required;
  std::size_t characters;
  std::size_t bytes;
};
constexpr std::array kLabelBounds = std::to_array<Bound>({
    {"ApplicationId", true, 64, 256},
    {"VideoName", true, 256, 1024},
    {"VideoUrl", true, 2048, 2048},
    {"CallbackUrl", false, 2048, 2048},
    {"ClientToken", false, 64, 64},
});

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::optional<Refusal> check(const Call& call, std::span<const Bound> bounds) {
  for (const Bound& bound : bounds) {
    const auto value = call.get(bound.name);
    if (value.empty() && bound.required) return Refusal{Code::kMissingParameter, bound.name};
    if (value.size() > bound.bytes || characters_of(value) > bound.characters) {
      return Refusal{Code::kParameterTooLong, bound.name};
    }
  }
  return std::nullopt;
}

/// Numbers of tasks and templates: 1 to 15 digits.
std::expected<std::int64_t, Refusal> number_of(const Call& call, const std::string& name) {
  const auto text = call.get(name);
  if (text.empty()) return std::unexpected(Refusal{Code::kMissingParameter, name});
  constexpr std::size_t kMostDigits = 15;
  const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || text.size() > kMostDigits) {
    return std::unexpected(Refusal{Code::kInvalidParameter, name});
  }
  return *parse_int(text);
}

std::expected<TaskPtr, Refusal> task_of(const Context& context) {
  const auto number = number_of(context.call, "TaskId");
  if (!number) return std::unexpected(number.error());
  auto task = context.api.service.get_by_key(context.caller, *number);
  const Refusal unknown{Code::kResourceNotFound, "TaskId"};
  if (task) {
    if (!is_shown(**task)) return std::unexpected(unknown);
    return *task;
  }
  if (task.error().code == ErrorCode::kNotFound) return std::unexpected(unknown);
  return std::unexpected(refusal_of(task.error()));
}

TaskRequest label_request(const Context& context) {
  const Call& call = context.call;
  TaskRequest request;
  request.kind = TaskKind::kAnalyse;
  request.origin = "aliyun";
  request.input = call.get("VideoUrl");
  request.callback_url = call.get("CallbackUrl");
  request.dialect = {{"VideoName", call.get("VideoName")},
                     {"ApplicationId", call.get("ApplicationId")}};
  json::array body;
  for (const Bound& bound : kLabelBounds) body.emplace_back(call.get(bound.name));
  request.body_hash = hex(sha256(json::serialize(body)));
  // Without a token the nonce is kept with the task: a replay makes no second one, not even after
  // a restart, when the nonces in memory are gone.
  if (const auto token = call.get("ClientToken"); !token.empty()) {
    request.idempotency_key = "aliyun-token:" + std::string(token);
  } else if (!context.nonce.empty()) {
    request.idempotency_key = "aliyun-nonce:" + context.caller.key->id + ":" + context.nonce;
  }
  return request;
}

void create_label_task(const ContextPtr& context) {
  const Call& call = context->call;
  if (const auto refusal = check(call, kLabelBounds)) return context->refuse(*refusal);
  if (!call.get("TemplateId").empty()) {
    const auto number = number_of(call, "TemplateId");
    return context->refuse(number ? Refusal{Code::kResourceNotFound, "TemplateId"}
                                  : number.error());
  }
  const bool by_token = !call.get("ClientToken").empty();
  context->api.service.submit(
      context->caller, label_request(*context), [context, by_token](Result<Submitted> submitted) {
        const bool used =
            submitted ? submitted->replayed : submitted.error().code == ErrorCode::kConflict;
        if (used && !by_token) return context->refuse({Code::kNonceUsed});
        if (!submitted) return context->refuse(refusal_of(submitted.error()));
        context->answer(*submitted->task,
                        [](const Context&, const Task& task, const std::string& id) {
                          return created_document(task, id);
                        });
      });
}

void get_task_result(const ContextPtr& context) {
  const auto task = task_of(*context);
  if (!task) return context->refuse(task.error());
  context->answer_from_cache(
      *task, [](const Context& about, const Task& made, const std::string& id) {
        return result_document(made, id, result_url(about.api, made, about.base),
                               {about.call.format, about.api.options.nested_result_url});
      });
}

void get_task_status(const ContextPtr& context) {
  const auto task = task_of(*context);
  if (!task) return context->refuse(task.error());
  context->answer_from_cache(*task, [](const Context&, const Task& made, const std::string& id) {
    return status_document(made, id);
  });
}

constexpr std::array kActions = std::to_array<Action>({
    {"CreateLabelTask", Scope::kWrite, create_label_task},
    {"GetTaskResult", Scope::kRead, get_task_result},
    {"GetTaskStatus", Scope::kRead, get_task_status},
    {"CreateCoverTask"},
    {"CreateGifTask"},
    {"ListTasks"},
    {"CreateTemplate"},
    {"GetTemplate"},
    {"ListTemplates"},
    {"UpdateTemplate"},
    // Saying who somebody is takes a trained model; a wrong name is worse than none.
    {"CreateFaceGroup"},
    {"DeleteFaceGroup"},
    {"ListFaceGroups"},
    {"CreateFacePerson"},
    {"DeleteFacePerson"},
    {"ListFacePersons"},
    {"RegisterFaceImage"},
    {"DeleteFaceImage"},
    {"ListFaceImages"},
    {"ProcessFaceAlgorithm"},
    {"ProcessImageTagAlgorithm"},
    {"ProcessLandmarkAlgorithm"},
    {"ProcessLogoAlgorithm"},
    {"ProcessNewsAlgorithm"},
    {"ProcessNlpAlgorithm"},
    {"ProcessOcrAlgorithm"},
});

}  // namespace

void Context::answer(const Task& task, Make make) const {
  const std::string id = make_request_id();
  respond(aliyun::answer(answer_text(call.action, make(*this, task, id), call.format), call.format,
                         id));
}

void Context::answer_from_cache(const TaskPtr& task, Make make) const {
  // Kept with a request id that nobody knows, in whose place each answer gets its own. Links in it
  // are signed for a while, not for ever.
  static const std::string kStandIn = make_request_id();
  constexpr Millis kKept = 2000;
  const std::string variant =
      call.action + (call.format == Format::kJson ? " JSON " : " XML ") + base;
  const auto kept = api.documents->get(task, variant, now_ms() + kKept, [&] {
    const auto fields = make(*this, *task, kStandIn);
    return DocumentCache::Document{
        std::make_shared<const std::string>(answer_text(call.action, fields, call.format)), {}};
  });
  const std::string id = make_request_id();
  std::string text = *kept.body;
  text.replace(text.find(kStandIn), kStandIn.size(), id);
  respond(aliyun::answer(std::move(text), call.format, id));
}

void Context::refuse(const Refusal& refusal) const {
  respond(refusal_answer(refusal, call.format, host,
                         base + std::string(kErrorPages) + name_of(refusal)));
}

const Action* find_action(std::string_view name) {
  const auto* at = std::ranges::find(kActions, name, &Action::name);
  return at == kActions.end() ? nullptr : at;
}

std::string result_url(const Api& api, const Task& task, const std::string& base) {
  return base + api.service.sign_path(result_path(task), api.options.link_life, task.account);
}

}  // namespace telecine::aliyun
