#include "dialect/veo/errors.h"

#include <array>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"

namespace telecine::veo {
namespace {

/// The fields of requests as this form calls them.
constexpr auto kFields = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"callback_url", "notify_hook"},
    {"generation.resolution", "enable_upsample"},
});

std::string field_name(std::string_view field) {
  constexpr std::string_view kInner = "generation.";
  for (const auto& [ours, theirs] : kFields) {
    if (field == ours) return std::string(theirs);
  }
  if (field.starts_with(kInner)) field.remove_prefix(kInner.size());
  return std::string(field);
}

/// After how long a busy server may be asked again.
constexpr std::int64_t kBusySeconds = 5;

struct CallRow {
  ErrorCode code;
  int status;
  std::string_view word;
};
constexpr auto kCalls = std::to_array<CallRow>({
    {ErrorCode::kInvalidParameter, 400, "invalid_request"},
    {ErrorCode::kUnsupported, 400, "invalid_request"},
    {ErrorCode::kInputForbidden, 400, "invalid_request"},
    {ErrorCode::kInputNotFound, 400, "invalid_request"},
    {ErrorCode::kInputTooLarge, 400, "invalid_request"},
    {ErrorCode::kConflict, 400, "invalid_request"},
    {ErrorCode::kForbidden, 403, "insufficient_user_quota"},
});

/// How a failed task is told: the words alone, or with what is known behind them.
struct ReasonRow {
  ErrorCode code;
  std::string_view words;
  bool with_detail = false;
};
constexpr auto kReasons = std::to_array<ReasonRow>({
    {ErrorCode::kInputNotFound, "input image not found"},
    {ErrorCode::kInputForbidden, "input image may not be read"},
    {ErrorCode::kInputUnreachable, "input image cannot be reached"},
    {ErrorCode::kInputTooLarge, "input image is too large"},
    {ErrorCode::kNotMedia, "input image cannot be read"},
    {ErrorCode::kDecodeFailed, "input image cannot be read"},
    {ErrorCode::kUnsupported, "an option is not supported: ", true},
    {ErrorCode::kInvalidParameter, "an option is not supported: ", true},
    {ErrorCode::kProviderRejected, "refused by the provider: ", true},
    {ErrorCode::kProviderUnavailable, "the provider did not answer: ", true},
    {ErrorCode::kTimedOut, "", true},
    {ErrorCode::kResourceLimit, "a limit of this server was reached"},
    {ErrorCode::kOutOfSpace, "a limit of this server was reached"},
    {ErrorCode::kStorageDenied, "the result could not be stored"},
    {ErrorCode::kStorageUnavailable, "the result could not be stored"},
    {ErrorCode::kCancelled, "cancelled"},
});

bool is_about_media(ErrorCode code) {
  return code == ErrorCode::kNotMedia || code == ErrorCode::kDecodeFailed;
}

}  // namespace

http::Response envelope_error(int status, std::string_view code, std::string_view message) {
  const json::object body{{"code", code}, {"message", printable(message, 1000)}, {"data", nullptr}};
  auto response = http::Response::text(status, "application/json", json::serialize(body));
  if (status == 503) response.headers.set("Retry-After", std::to_string(kBusySeconds));
  return response;
}

http::Response error_of(const Error& error) {
  const std::string field = field_name(error.field);
  const std::string message = field.empty() ? error.message : field + " " + error.message;
  if (error.code == ErrorCode::kUnsupported && field == "model") {
    return envelope_error(400, "model_not_found", error.message);
  }
  if (error.code == ErrorCode::kNotFound) return no_such_task();
  if (error.code == ErrorCode::kTooMany) return too_many(message, kBusySeconds);
  for (const CallRow& row : kCalls) {
    if (row.code == error.code) return envelope_error(row.status, row.word, message);
  }
  return envelope_error(503, "unavailable", "the server cannot take this now; try again shortly");
}

http::Response no_such_task() {
  return envelope_error(400, "task_not_exist", "task_not_exist");
}

http::Response access_error(int status, std::string_view message) {
  std::string text(message);
  text += " (request id: " + hex(random_bytes(10)) + ")";
  const json::object body{
      {"error", json::object{{"message", text}, {"type", "telecine_error"}, {"code", ""}}}};
  return http::Response::text(status, "application/json", json::serialize(body));
}

http::Response too_many(std::string_view message, std::int64_t retry_s) {
  auto refused = access_error(429, message);
  refused.headers.set("Retry-After", std::to_string(retry_s));
  return refused;
}

std::string fail_reason(const Task& task) {
  if (task.state != TaskState::kFailed && task.state != TaskState::kCancelled) return {};
  const Error none{ErrorCode::kInternal, {}, {}};
  const Error& error = task.error ? *task.error : none;
  // Errors of pictures name them; the same codes without a field are about the result.
  const bool about_result = is_about_media(error.code) && !error.field.starts_with("images");
  if (about_result) return printable(error.message, 400);
  for (const ReasonRow& row : kReasons) {
    if (row.code != error.code) continue;
    std::string text(row.words);
    if (row.with_detail) text += printable(error.message, 400);
    return text;
  }
  return "internal error (id " + task.id.hex() + ")";
}

}  // namespace telecine::veo
