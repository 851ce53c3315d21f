#include <algorithm>
#include <array>

#include "base/text.h"
#include "dialect/visionular/documents.h"
#include "dialect/visionular/own_templates.h"
#include "dialect/visionular/routes.h"
#include "object/endpoint.h"

namespace telecine::visionular {
namespace {

constexpr std::array<std::string_view, 6> kSchemes = {"http://", "https://", "s3://",
                                                      "oss://",  "obs://",   "cos://"};
constexpr std::size_t kMostOutput = 900;

std::string with_extension(std::string output, const Template& made) {
  const auto slash = output.rfind('/');
  const auto dot = output.find('.', slash == std::string::npos ? 0 : slash);
  if (dot == std::string::npos) output += "." + made.extension();
  return output;
}

/// The name of an object below a prefix.
bool is_output_name(std::string_view output) {
  if (output.size() > kMostOutput || output.front() == '/' || output.back() == '/') return false;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  return is_valid_utf8(output) && std::ranges::none_of(output, is_control) &&
         std::ranges::none_of(split(output, '/'),
                              [](std::string_view part) { return part == "." || part == ".."; });
}

Answer<void> check_input(const Service& service, const std::string& input) {
  const auto fits = [&](std::string_view scheme) { return input.starts_with(scheme); };
  if (std::ranges::none_of(kSchemes, fits)) {
    return refuse(Code::kBad, "input must be an http, https, s3, oss, obs or cos URL");
  }
  if (object::has_cloud_scheme(input)) {
    if (object::CloudUrl::parse(input)) return {};
    return refuse(Code::kBad, "input must be <scheme>://<bucket>/<key>");
  }
  if (auto ok = service.rules().check_url(input); !ok) {
    return refuse(Code::kBad, "input: " + ok.error().message);
  }
  return {};
}

/// Everything of create_task but its look-ups.
struct Creation {
  std::string template_name;
  std::string input;
  std::string output;
  std::string storage_id;
  std::string custom_info;
};

Answer<Creation> creation_from(const Service& service, const Parameters& parameters) {
  if (auto ok = parameters.need({"template_name", "input", "output", "storage_id"}); !ok) {
    return std::unexpected(ok.error());
  }
  Creation creation;
  for (const auto& [name, member] :
       {std::pair{"template_name", &Creation::template_name}, std::pair{"input", &Creation::input},
        std::pair{"output", &Creation::output}, std::pair{"storage_id", &Creation::storage_id}}) {
    auto value = parameters.required(name);
    if (!value) return std::unexpected(value.error());
    creation.*member = std::move(*value);
  }
  creation.custom_info = parameters.verbatim("custom_info");
  if (auto ok = check_input(service, creation.input); !ok) return std::unexpected(ok.error());
  if (!is_output_name(creation.output)) {
    return refuse(Code::kBad,
                  "output must be the name of an object: at most 900 bytes, no / at its ends, no "
                  "\".\" and \"..\", no control characters");
  }
  return creation;
}

void create(const Call& call) {
  Service& service = call.api.service;
  auto creation = creation_from(service, call.parameters);
  if (!creation) return call.fail(creation.error());
  const auto made = find_template(service, call.caller.account(), creation->template_name);
  if (!made) return call.fail(made.error());
  if (auto ok = check_makeable(*made); !ok) return call.fail(ok.error());
  auto storage = service.storages().find(call.caller.account(), creation->storage_id);
  if (!storage) return call.fail(refusal_of(storage.error()));

  TaskRequest request;
  request.origin = kOrigin;
  request.input = std::move(creation->input);
  request.outputs = {output_of(*made)};
  request.destination =
      Destination{.storage = storage->id, .name = with_extension(creation->output, *made)};
  request.callback_url = storage->notify;
  request.dialect = to_json(Remembered{made->id, made->name, std::move(creation->custom_info)});
  // A repeated request is answered with the task it made the first time.
  if (!call.fingerprint.empty()) {
    request.idempotency_key = "visionular:" + call.fingerprint;
    request.body_hash = call.fingerprint;
  }
  service.submit(call.caller, std::move(request), [call](Result<Submitted> submitted) {
    if (!submitted) return call.fail(refusal_of(submitted.error()));
    call.succeed(json::object{{"task_id", submitted->task->id.hex()}});
  });
}

bool is_hidden(const Call& call, const Task& task) {
  return call.api.service.store().get_record(kHiddenTask, task.account, task.id.hex()).has_value();
}

std::unexpected<Refusal> deleted() {
  return refuse(Code::kEmpty, "the task was deleted");
}

Answer<TaskPtr> asked_for(const Call& call) {
  auto text = call.parameters.required("task_id");
  if (!text) return std::unexpected(text.error());
  const auto id = Id::from_hex(*text);
  auto task = id ? call.api.service.get(call.caller, *id)
                 : Result<TaskPtr>(telecine::fail(ErrorCode::kNotFound, "no task's id"));
  if (!task) return std::unexpected(refusal_of(task.error()));
  return *task;
}

void query_task(const Call& call) {
  // Links to stores are signed for a while, not for ever.
  constexpr Millis kKept = 2000;
  auto task = asked_for(call);
  if (!task) return call.fail(task.error());
  const bool is_signed = call.generation == Generation::kSigned;
  const auto document = call.api.documents->get(
      *task, call.base + (is_signed ? " signed" : " basic"), now_ms() + kKept, [&] {
        DocumentCache::Document made;
        if (is_hidden(call, **task)) return made;
        made.body = std::make_shared<const std::string>(
            render(task_document(call.api.service, **task, call.generation, call.base)));
        return made;
      });
  if (!document.body) return call.fail(deleted().error());
  call.succeed_with(*document.body);
}

void hide(const Call& call, Id id) {
  Service& service = call.api.service;
  service.store().put_record(
      {kHiddenTask, call.caller.account(), id.hex(), {}, service.end_of_retention()}, false,
      [call, id](Result<bool> put) {
        call.api.documents->forget(id);
        if (put) return call.succeed(nullptr);
        call.fail(refusal_of(put.error()));
      });
}

void remove_task(const Call& call) {
  auto task = asked_for(call);
  if (task && is_hidden(call, **task)) task = deleted();
  if (!task) return call.fail(task.error());
  const Id id = (*task)->id;
  if (is_final((*task)->state)) return hide(call, id);
  call.api.service.cancel(call.caller, id, [call, id](Result<TaskPtr> cancelled) {
    // It may have ended by itself a moment ago.
    const bool ended = cancelled || cancelled.error().code == ErrorCode::kConflict;
    if (ended) return hide(call, id);
    call.fail(refusal_of(cancelled.error()));
  });
}

}  // namespace

void mount_tasks(http::Router& router, Api& api) {
  using http::Method;
  add_call(router, api, Method::kPost, "create_task", Scope::kWrite, create);
  add_call(router, api, Method::kGet, "query_task", Scope::kRead, query_task);
  add_call(router, api, Method::kDelete, "del_task", Scope::kWrite, remove_task);
}

}  // namespace telecine::visionular
