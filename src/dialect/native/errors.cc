#include "dialect/native/errors.h"

#include <array>

#include "base/json.h"
#include "base/text.h"

namespace telecine::native {
namespace {

constexpr std::array kStatuses = {
    std::pair{ErrorCode::kInputNotFound, 422},    std::pair{ErrorCode::kInputForbidden, 422},
    std::pair{ErrorCode::kInputUnreachable, 422}, std::pair{ErrorCode::kInputTooLarge, 413},
    std::pair{ErrorCode::kNotMedia, 422},         std::pair{ErrorCode::kDecodeFailed, 422},
    std::pair{ErrorCode::kUnsupported, 422},      std::pair{ErrorCode::kInvalidParameter, 400},
    std::pair{ErrorCode::kOutOfSpace, 507},       std::pair{ErrorCode::kStorageUnavailable, 503},
    std::pair{ErrorCode::kResourceLimit, 422},    std::pair{ErrorCode::kNotFound, 404},
    std::pair{ErrorCode::kConflict, 409},         std::pair{ErrorCode::kUnauthorized, 401},
    std::pair{ErrorCode::kForbidden, 403},        std::pair{ErrorCode::kTooMany, 429},
    std::pair{ErrorCode::kUnavailable, 503}};

http::Response document(int status, ErrorCode code, std::string_view detail,
                        std::string_view field) {
  json::object body;
  body["type"] = "urn:telecine:error:" + std::string(name_of(code));
  body["title"] = http::reason_phrase(status);
  body["status"] = status;
  body["code"] = name_of(code);
  body["detail"] = printable(detail, 4000);
  if (!field.empty()) body["field"] = printable(field, 500);
  auto response = http::Response::text(status, "application/problem+json", json::serialize(body));
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"telecine\"");
  if (status == 503) response.headers.set("Retry-After", "5");
  return response;
}

}  // namespace

int status_of(ErrorCode code) {
  for (const auto& [known, status] : kStatuses) {
    if (known == code) return status;
  }
  return 500;
}

http::Response problem(const Error& error) {
  const std::string detail =
      error.field.empty() ? error.message : error.field + ": " + error.message;
  return document(status_of(error.code), error.code, detail, error.field);
}

http::Response problem(int status, ErrorCode code, std::string_view detail) {
  return document(status, code, detail, "");
}

}  // namespace telecine::native
