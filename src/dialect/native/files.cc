#include <sys/stat.h>

#include "base/text.h"
#include "dialect/native/errors.h"
#include "dialect/native/requests.h"
#include "dialect/native/routes.h"
#include "object/media_type.h"

namespace telecine::native {
namespace {

/// A whole file in one request.
class FileSink final : public http::BodySink {
 public:
  FileSink(Api& api, std::string account, std::unique_ptr<Files::Upload> upload)
      : api_(api), account_(std::move(account)), upload_(std::move(upload)) {}

  Status write(std::string_view piece) override {
    if (auto ok = upload_->write(piece); !ok) failure_ = ok.error();
    if (failure_) return std::unexpected(*failure_);
    return {};
  }

  void finish(http::Responder responder) override {
    if (failure_) return responder(problem(*failure_));
    upload_->finish([&api = api_, account = account_, responder](Result<UploadState> state) {
      if (!state) return responder(problem(state.error()));
      auto file = api.service.files().get(account, *state->file);
      if (!file) return responder(problem(file.error()));
      auto response = json_response(201, file_document(*file));
      response.headers.set("Location", "/api/v1/files/" + file->id.hex());
      responder(std::move(response));
    });
  }

  void abort(Error) override {}

 private:
  Api& api_;
  std::string account_;
  std::unique_ptr<Files::Upload> upload_;
  std::optional<Error> failure_;
};

std::expected<std::unique_ptr<http::BodySink>, http::Response> open_file_sink(
    Api& api, const Caller& caller, const http::Request& request) {
  const std::string name = printable(request.query_parameter("name").value_or("upload"), 255);
  auto upload = api.service.files().receive(caller.account(), name, request.content_length);
  if (!upload) return std::unexpected(problem(upload.error()));
  return std::make_unique<FileSink>(api, caller.account(), std::move(*upload));
}

std::optional<File> find(Api& api, Call& call) {
  const auto id = id_of(call);
  if (!id) return std::nullopt;
  auto file = api.service.files().get(call.caller.account(), *id);
  if (file) return std::move(*file);
  call.respond(problem(file.error()));
  return std::nullopt;
}

void content(Api& api, Call& call) {
  const auto file = find(api, call);
  if (!file) return;
  auto fd = api.service.files().open(*file);
  if (!fd) return call.respond(problem(fd.error()));
  http::Response response;
  // Never shown in a browser as what its name pretends to be.
  response.content_type = "application/octet-stream";
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Content-Disposition", "attachment");
  response.body = http::FileBody{std::move(*fd), file->size, file->created, file->md5};
  call.respond(std::move(response));
}

void list_files(Api& api, Call& call) {
  const auto limit = limit_from(call.request);
  if (!limit) return call.respond(problem(limit.error()));
  const auto cursor = cursor_from(call.request);
  if (!cursor) return call.respond(problem(cursor.error()));
  auto files = api.service.files().list(call.caller.account(), *cursor, *limit + 1);
  if (!files) return call.respond(problem(files.error()));
  json::object body{{"files", json::array()}, {"next_cursor", nullptr}};
  if (files->size() > static_cast<std::size_t>(*limit)) {
    files->pop_back();
    body["next_cursor"] = cursor_text(files->back().id.key);
  }
  for (const File& file : *files) body["files"].as_array().emplace_back(file_document(file));
  call.respond(json_response(200, body));
}

}  // namespace

void mount_files(http::Router& router, Api& api) {
  using http::Method;
  router.add_upload(Method::kPost, "/api/v1/files", api.service.options().max_input,
                    guarded_upload(api, [&api](const Caller& caller, const http::Request& request,
                                               const http::Params&) {
                      return open_file_sink(api, caller, request);
                    }));
  router.add(Method::kGet, "/api/v1/files",
             guarded(api, Scope::kRead, [&api](Call& call) { list_files(api, call); }));
  router.add(Method::kGet, "/api/v1/files/{id}", guarded(api, Scope::kRead, [&api](Call& call) {
               if (const auto file = find(api, call)) {
                 call.respond(json_response(200, file_document(*file)));
               }
             }));
  router.add(Method::kGet, "/api/v1/files/{id}/content",
             guarded(api, Scope::kRead, [&api](Call& call) { content(api, call); }));
  router.add(Method::kDelete, "/api/v1/files/{id}", guarded(api, Scope::kWrite, [&api](Call& call) {
               const auto id = id_of(call);
               if (!id) return;
               api.service.files().remove(call.caller.account(), *id,
                                          [respond = call.respond](Result<bool> gone) {
                                            if (!gone) return respond(problem(gone.error()));
                                            http::Response response;
                                            response.status = 204;
                                            respond(std::move(response));
                                          });
             }));
}

}  // namespace telecine::native
