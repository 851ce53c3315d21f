#include "base/text.h"
#include "dialect/native/routes.h"
#include "service/ingest.h"

/// Records about meetings come in here; the exports are made from them.
namespace telecine::native {
namespace {

constexpr std::int64_t kMaxBody = 64 << 20;

http::Response ingest_problem(int status, const Error& error) {
  auto response = json_response(
      status, json::object{{"error", json::object{{"code", name_of(error.code)},
                                                  {"message", printable(error.message, 1000)}}}});
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"telecine\"");
  if (status == 503) response.headers.set("Retry-After", "5");
  return response;
}

http::Response ingest_problem(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnauthorized:
      return ingest_problem(401, error);
    case ErrorCode::kInputTooLarge:
      return ingest_problem(413, error);
    default:
      return ingest_problem(503, error);
  }
}

http::Response report_response(const IngestReport& report) {
  json::array errors;
  for (const auto& [line, problem] : report.problems) {
    json::object o{{"line", line}, {"code", problem.code}};
    if (!problem.field.empty()) o["field"] = problem.field;
    o["message"] = printable(problem.message, 500);
    errors.emplace_back(std::move(o));
  }
  return json_response(200, json::object{{"accepted", report.accepted},
                                         {"rejected", report.rejected},
                                         {"errors", std::move(errors)}});
}

class RecordSink final : public http::BodySink {
 public:
  RecordSink(MeetingStore& store, std::string account) : ingest_(store, std::move(account)) {}

  Status write(std::string_view piece) override {
    auto ok = ingest_.write(piece);
    if (!ok) failure_ = ok.error();
    return ok;
  }

  void finish(http::Responder responder) override {
    if (failure_) {
      const Error failure = *failure_;
      // What came before it is stored first: the answer is the last word about this body.
      return ingest_.finish([responder, failure](const Result<IngestReport>&) {
        responder(ingest_problem(failure));
      });
    }
    ingest_.finish([responder](const Result<IngestReport>& report) {
      responder(report ? report_response(*report) : ingest_problem(report.error()));
    });
  }

  void abort(Error) override {}

 private:
  Ingest ingest_;
  std::optional<Error> failure_;
};

bool is_ndjson(std::string_view content_type) {
  return iequals(trim(content_type.substr(0, content_type.find(';'))), "application/x-ndjson");
}

std::expected<std::unique_ptr<http::BodySink>, http::Response> open_records(
    Api& api, const http::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view token = request.headers.get("authorization");
  token = token.starts_with(kScheme) ? token.substr(kScheme.size()) : std::string_view();
  auto account = api.service.ingest_account(token);
  if (!account) return std::unexpected(ingest_problem(account.error()));
  if (!is_ndjson(request.headers.get("content-type"))) {
    return std::unexpected(ingest_problem(
        415, {ErrorCode::kUnsupported, "send \"Content-Type: application/x-ndjson\"", {}}));
  }
  return std::make_unique<RecordSink>(api.service.meetings(), std::move(*account));
}

}  // namespace

void mount_meetings(http::Router& router, Api& api) {
  router.add_upload(
      http::Method::kPost, "/api/v1/meetings/ingest", kMaxBody,
      [&api](http::Request& request, const http::Params&) { return open_records(api, request); });
}

}  // namespace telecine::native
