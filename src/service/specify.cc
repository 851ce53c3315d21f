#include <algorithm>

#include "base/text.h"
#include "object/roots.h"
#include "service/service.h"
#include "task/analysis.h"
#include "task/export_spec.h"
#include "task/own_store.h"

/// From a request to the specification of a task: everything that is checked before one exists.
namespace telecine {
namespace {

constexpr auto kDefaultTemplate = "ladder";

/// Empty too: no name was given.
bool is_object_path(std::string_view path) {
  if (path.starts_with('/') || path.ends_with('/') || !is_valid_utf8(path)) return false;
  for (const auto part : split(path, '/')) {
    if (part == "." || part == "..") return false;
  }
  return std::ranges::none_of(
      path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

/// What the kind needs beside input and outputs.
Status check_options(const TaskRequest& request) {
  switch (request.kind) {
    case TaskKind::kExport:
      if (request.options.contains(kExportOption)) return {};
      return fail(ErrorCode::kInvalidParameter, "an export must say what to export", "kind");
    case TaskKind::kAnalyse: {
      auto options = analysis_options_from(request.options, "options");
      if (!options) return std::unexpected(options.error());
      return {};
    }
    default:
      if (request.options.empty()) return {};
      return fail(ErrorCode::kInvalidParameter, "tasks of this kind have no options", "options");
  }
}

/// At another store nobody would let players alone have a key.
Status check_keys(const TaskSpec& spec) {
  for (std::size_t i = 0; i < spec.outputs.size(); ++i) {
    const auto& encryption = spec.outputs[i].encryption;
    if (!encryption || !encryption->key_url.empty()) continue;
    return fail(ErrorCode::kInvalidParameter,
                "is needed where outputs go to a destination: the key is not put there",
                "outputs[" + std::to_string(i) + "].encryption.key_url");
  }
  return {};
}

}  // namespace

Status Service::check_input(const Caller& caller, const std::string& input) {
  if (input.starts_with("http://") || input.starts_with("https://")) {
    auto ok = rules_.check_url(input);
    if (!ok) return fail(ok.error().code, ok.error().message, "input");
    return {};
  }
  if (object::has_cloud_scheme(input)) {
    const auto url = object::CloudUrl::parse(input);
    if (!url) {
      return fail(ErrorCode::kInvalidParameter,
                  "must be <scheme>://<bucket>/<key> with a key of 1 to 1024 bytes", "input");
    }
    auto place = storages_.input_place(caller.account(), *url);
    if (!place) return fail(place.error().code, place.error().message, "input");
    return {};
  }
  if (input.starts_with("file://")) {
    auto ok = object::Roots::check(input);
    if (!ok) return fail(ok.error().code, ok.error().message, "input");
    return {};
  }
  if (input.starts_with(kFileIdScheme)) {
    const auto id = Id::from_hex(std::string_view(input).substr(kFileIdScheme.size()));
    if (id && files_.get(caller.account(), *id)) return {};
    return fail(ErrorCode::kInvalidParameter, "there is no uploaded file of this id", "input");
  }
  return fail(ErrorCode::kInvalidParameter,
              "must be an http:// or https:// URL, s3://<bucket>/<key> (or oss, obs, cos), "
              "file://<root>/<path>, or file-id:<id> of an uploaded file",
              "input");
}

Status Service::check_assets(const Caller& caller, const TaskSpec& spec) {
  for (const std::string& asset : assets_of(spec.outputs)) {
    auto ok = check_input(caller, asset);
    if (!ok) {
      return fail(ok.error().code, "\"" + printable(asset, 80) + "\": " + ok.error().message,
                  "outputs");
    }
  }
  return {};
}

Status Service::choose_outputs(const Caller& caller, TaskRequest& request, TaskSpec& spec) {
  if (request.kind == TaskKind::kProbe || request.kind == TaskKind::kAnalyse) {
    if (!request.outputs && request.template_name.empty()) return {};
    return fail(ErrorCode::kInvalidParameter,
                request.kind == TaskKind::kProbe
                    ? "a probe task makes no outputs"
                    : "an analysis makes one report; choose what is in it by options",
                "outputs");
  }
  if (request.outputs) {
    if (!request.template_name.empty()) {
      return fail(ErrorCode::kInvalidParameter, "give either template or outputs, not both",
                  "template");
    }
    spec.outputs = std::move(*request.outputs);
    return {};
  }
  spec.template_name = request.template_name.empty() ? kDefaultTemplate : request.template_name;
  auto found = find_template(caller.account(), spec.template_name);
  if (!found) {
    const bool unknown = found.error().code == ErrorCode::kNotFound;
    return fail(unknown ? ErrorCode::kInvalidParameter : found.error().code, found.error().message,
                "template");
  }
  spec.outputs = std::move(found->outputs);
  return {};
}

Result<Destination> Service::check_destination(const Caller& caller, Destination wanted,
                                               const TaskSpec& spec) {
  if (spec.kind != TaskKind::kTranscode) {
    return fail(ErrorCode::kInvalidParameter, "only outputs of a transcode task go elsewhere",
                "destination");
  }
  if (!is_object_path(wanted.name)) {
    return fail(ErrorCode::kInvalidParameter,
                "must be a relative path without \".\", \"..\" and control characters",
                "destination.name");
  }
  if (!wanted.name.empty() && spec.outputs.size() != 1) {
    return fail(ErrorCode::kInvalidParameter, "is for tasks with one output", "destination.name");
  }
  auto resolved = storages_.resolve(caller.account(), std::move(wanted));
  if (!resolved) {
    Error error = resolved.error();
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kInvalidParameter;
    error.field = error.field.empty() ? "destination" : "destination." + error.field;
    return std::unexpected(std::move(error));
  }
  const std::string name = resolved->name.empty() ? "x" : resolved->name;
  // Keys of our own store are bound by the same limits.
  const std::string scheme = resolved->type == kOwnStore ? "s3" : resolved->type;
  const std::string url = scheme + "://" + resolved->bucket + "/" + resolved->prefix + name;
  if (!object::CloudUrl::parse(url)) {
    return fail(ErrorCode::kInvalidParameter, "prefix and name must be a key of at most 1024 bytes",
                "destination.name");
  }
  return resolved;
}

Result<TaskSpec> Service::make_spec(const Caller& caller, TaskRequest& request) {
  TaskSpec spec;
  spec.kind = request.kind;
  if (auto ok = check_options(request); !ok) return std::unexpected(ok.error());
  spec.options = std::move(request.options);
  if (!request.dialect.empty()) spec.options["dialect"] = std::move(request.dialect);
  if (request.kind == TaskKind::kGenerate) {
    if (auto ok = make_generation(caller, request, spec); !ok) return std::unexpected(ok.error());
  } else if (request.kind != TaskKind::kExport) {
    spec.input = std::move(request.input);
    spec.pieces = std::move(request.pieces);
    spec.accept_damaged = request.accept_damaged;
    for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
      auto ok = check_input(caller, spec.pieces[i].input);
      if (!ok) {
        return fail(ok.error().code, ok.error().message, "inputs[" + std::to_string(i) + "].input");
      }
    }
    if (auto ok = check_input(caller, spec.input); !ok) return std::unexpected(ok.error());
    if (auto ok = choose_outputs(caller, request, spec); !ok) return std::unexpected(ok.error());
    if (auto ok = check_assets(caller, spec); !ok) return std::unexpected(ok.error());
  }
  if (request.destination) {
    auto destination = check_destination(caller, std::move(*request.destination), spec);
    if (!destination) return std::unexpected(destination.error());
    spec.destination = std::move(*destination);
    if (auto ok = check_keys(spec); !ok) return std::unexpected(ok.error());
  }
  if (!request.callback_url.empty()) {
    auto ok = rules_.check_url(request.callback_url);
    if (!ok) {
      return fail(ErrorCode::kInvalidParameter,
                  "callbacks go to public http(s) addresses only: " + ok.error().message,
                  "callback_url");
    }
  }
  spec.callback_url = std::move(request.callback_url);
  spec.priority = request.priority;
  spec.max_attempts = request.max_attempts;
  spec.metadata = std::move(request.metadata);
  spec.callback_changes = request.callback_changes;
  spec.input_md5 = std::move(request.input_md5);
  spec.keep = std::move(request.keep);
  spec.stills_first = request.stills_first;
  if (is_published(spec) && (!spec.keep.outputs.empty() || spec.stills_first)) {
    return fail(ErrorCode::kInvalidParameter,
                "outputs that go to another store are not kept as files here, and none of them "
                "comes before the others",
                "destination");
  }
  return spec;
}

}  // namespace telecine
