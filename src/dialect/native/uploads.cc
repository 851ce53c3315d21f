#include "base/crypto.h"
#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/routes.h"

/// Resumable uploads by the tus protocol, version 1.0.0 with the creation and termination
/// extensions (tus.io).
namespace telecine::native {
namespace {

constexpr auto kVersion = "1.0.0";

http::Response tus_response(int status) {
  http::Response response;
  response.status = status;
  response.headers.set("Tus-Resumable", kVersion);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

http::Response tus_problem(const Error& error) {
  auto response = problem(error);
  response.headers.set("Tus-Resumable", kVersion);
  return response;
}

/// The "filename" of Upload-Metadata: comma-separated pairs of name and base64 text.
std::string file_name(const http::Request& request) {
  for (const auto pair : split(request.headers.get("upload-metadata"), ',')) {
    const auto parts = split(trim(pair), ' ');
    if (parts.size() != 2 || (parts[0] != "filename" && parts[0] != "name")) continue;
    if (const auto text = unbase64(parts[1])) return printable(*text, 255);
  }
  return "upload";
}

std::optional<http::Response> refuse_version(const http::Request& request) {
  const auto version = request.headers.get("tus-resumable");
  if (version == kVersion) return std::nullopt;
  auto response = problem(412, ErrorCode::kInvalidParameter,
                          "send \"Tus-Resumable: 1.0.0\"; this server speaks that version");
  response.headers.set("Tus-Version", kVersion);
  return response;
}

void create_upload(Api& api, Call& call) {
  if (auto refusal = refuse_version(call.request)) return call.respond(std::move(*refusal));
  const auto length = parse_int(call.request.headers.get("upload-length"));
  if (!length || *length < 0) {
    return call.respond(tus_problem(
        {ErrorCode::kInvalidParameter, "must be the size of the file in bytes", "Upload-Length"}));
  }
  api.service.files().create_upload(call.caller.account(), file_name(call.request), *length,
                                    [respond = call.respond](Result<UploadState> state) {
                                      if (!state) return respond(tus_problem(state.error()));
                                      auto response = tus_response(201);
                                      response.headers.set("Location",
                                                           "/api/v1/uploads/" + state->id);
                                      respond(std::move(response));
                                    });
}

void add_state(const UploadState& state, http::Response& response) {
  response.headers.set("Upload-Offset", std::to_string(state.offset));
  response.headers.set("Upload-Length", std::to_string(state.length));
  if (state.file) response.headers.set("Telecine-File", state.file->hex());
}

void read(Api& api, Call& call) {
  auto state =
      api.service.files().upload_state(call.caller.account(), std::string(call.params["id"]));
  if (!state) return call.respond(tus_problem(state.error()));
  auto response = tus_response(200);
  add_state(*state, response);
  json::object body{{"id", state->id},
                    {"name", state->name},
                    {"offset", state->offset},
                    {"length", state->length},
                    {"file", nullptr}};
  if (state->file) body["file"] = state->file->hex();
  response.content_type = "application/json";
  response.body = json::serialize(body);
  call.respond(std::move(response));
}

/// One PATCH. Whatever has arrived when it ends or breaks off stays.
class PatchSink final : public http::BodySink {
 public:
  explicit PatchSink(std::unique_ptr<Files::Upload> upload) : upload_(std::move(upload)) {}

  Status write(std::string_view piece) override {
    if (auto ok = upload_->write(piece); !ok) failure_ = ok.error();
    if (failure_) return std::unexpected(*failure_);
    return {};
  }

  void finish(http::Responder responder) override {
    if (failure_) return responder(tus_problem(*failure_));
    upload_->finish([responder](Result<UploadState> state) {
      if (!state) return responder(tus_problem(state.error()));
      auto response = tus_response(204);
      add_state(*state, response);
      responder(std::move(response));
    });
  }

  void abort(Error) override {}

 private:
  std::unique_ptr<Files::Upload> upload_;
  std::optional<Error> failure_;
};

std::expected<std::unique_ptr<http::BodySink>, http::Response> open_patch(
    Api& api, const Caller& caller, const http::Request& request, const http::Params& params) {
  if (auto refusal = refuse_version(request)) return std::unexpected(std::move(*refusal));
  if (request.headers.get("content-type") != "application/offset+octet-stream") {
    return std::unexpected(problem(415, ErrorCode::kInvalidParameter,
                                   "send \"Content-Type: application/offset+octet-stream\""));
  }
  const auto offset = parse_int(request.headers.get("upload-offset"));
  if (!offset || *offset < 0) {
    return std::unexpected(
        tus_problem({ErrorCode::kInvalidParameter, "must be where the upload stands, in bytes",
                     "Upload-Offset"}));
  }
  auto upload = api.service.files().append(caller.account(), std::string(params["id"]), *offset);
  if (!upload) return std::unexpected(tus_problem(upload.error()));
  return std::make_unique<PatchSink>(std::move(*upload));
}

void describe(const http::Request&, const http::Responder& respond, std::int64_t max_bytes) {
  auto response = tus_response(204);
  response.headers.set("Tus-Version", kVersion);
  response.headers.set("Tus-Extension", "creation,termination");
  response.headers.set("Tus-Max-Size", std::to_string(max_bytes));
  respond(std::move(response));
}

}  // namespace

void mount_uploads(http::Router& router, Api& api) {
  using http::Method;
  const auto max_bytes = api.service.options().max_input;
  router.add(
      Method::kOptions, "/api/v1/uploads",
      [max_bytes](http::Request& request, const http::Params&, const http::Responder& respond) {
        describe(request, respond, max_bytes);
      });
  router.add(Method::kPost, "/api/v1/uploads",
             guarded(api, Scope::kWrite, [&api](Call& call) { create_upload(api, call); }));
  router.add(Method::kGet, "/api/v1/uploads/{id}",
             guarded(api, Scope::kRead, [&api](Call& call) { read(api, call); }));
  router.add_upload(Method::kPatch, "/api/v1/uploads/{id}", max_bytes,
                    guarded_upload(api, [&api](const Caller& caller, const http::Request& request,
                                               const http::Params& params) {
                      return open_patch(api, caller, request, params);
                    }));
  router.add(Method::kDelete, "/api/v1/uploads/{id}",
             guarded(api, Scope::kWrite, [&api](Call& call) {
               api.service.files().remove_upload(
                   call.caller.account(), std::string(call.params["id"]),
                   [respond = call.respond](Result<bool> gone) {
                     respond(gone ? tus_response(204) : tus_problem(gone.error()));
                   });
             }));
}

}  // namespace telecine::native
