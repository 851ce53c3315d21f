#include "dialect/tencent/errors.h"

#include <array>

#include "base/text.h"

namespace telecine::tencent {
namespace {

struct Row {
  int number;
  std::string_view word;  ///< codeDesc; empty: the number itself, of the service's own codes
  std::string_view message;
};

constexpr std::array kRows = {
    Row{code::kInvalidRequest, "InvalidParameter", "invalid request parameter"},
    Row{code::kAuthFailure, "AuthFailure", "authentication failed"},
    Row{code::kUnauthorized, "AuthFailure", "this key may not call this action"},
    Row{code::kSecretIdNotFound, "SecretIdNotFound", "SecretId does not exist or is disabled"},
    Row{code::kTokenFailure, "TokenCheckFailed", "Token is not accepted"},
    Row{code::kLimitExceeded, "LimitExceeded", "request quota exceeded"},
    Row{code::kReplayAttack, "ReplayAttack", "the request is too old or was sent before"},
    Row{code::kInternal, "InternalError", "internal server error"},
    Row{code::kUnknownAction, "NotFound", "there is no such action"},
    Row{code::kUnavailable, "ActionUnavailable", "the server cannot answer now; try again"},
    Row{code::kInvalidParameter, "", "invalid parameter"},
    Row{code::kFileNotFound, "", "file does not exist"},
    Row{code::kFileStatus, "", "file status exception"},
    Row{code::kTaskInternal, "", "internal error"},
    Row{code::kInvalidProcedure, "", "invalid procedure"},
    Row{code::kTaskNotFound, "", "task does not exist"},
};

const Row& row_of(int number) {
  for (const Row& row : kRows) {
    if (row.number == number) return row;
  }
  return row_of(code::kInternal);
}

http::Response answer(const json::object& body) {
  return http::Response::text(200, kAnswerType, json::serialize(body));
}

constexpr int kSourceBroken = 30009;

struct StepRow {
  ErrorCode error;
  int pull;
  int procedure;
  int transcode;
};
/// 30009: the source is broken; -45029: it does not decode; -47102: it has a codec or lacks a
/// stream in a way that nothing can be made of it; -47403: a picture or time range that cannot be.
constexpr std::array kSteps = {
    StepRow{ErrorCode::kInputNotFound, kSourceBroken, kSourceBroken, kSourceBroken},
    StepRow{ErrorCode::kInputForbidden, kSourceBroken, kSourceBroken, kSourceBroken},
    StepRow{ErrorCode::kInputUnreachable, kSourceBroken, kSourceBroken, kSourceBroken},
    StepRow{ErrorCode::kInputTooLarge, kSourceBroken, kSourceBroken, kSourceBroken},
    StepRow{ErrorCode::kTimedOut, kSourceBroken, kSystemFailure, kSystemFailure},
    StepRow{ErrorCode::kNotMedia, kSourceBroken, kSourceBroken, -45029},
    StepRow{ErrorCode::kDecodeFailed, kSourceBroken, kSourceBroken, -45029},
    StepRow{ErrorCode::kUnsupported, kSourceBroken, kSourceBroken, -47102},
    StepRow{ErrorCode::kInvalidParameter, kSourceBroken, kSourceBroken, -47403},
};

}  // namespace

http::Response refusal(const Options& options, int number, const std::string& message) {
  const Row& row = row_of(number);
  const std::string text = printable(message.empty() ? row.message : message, 1000);
  json::object body;
  if (!row.word.empty()) {
    body["code"] = row.number;
    body["message"] = text;
    body["codeDesc"] = row.word;
    return answer(body);
  }
  const bool documented = options.error_style == ErrorStyle::kDocumented;
  body["code"] = documented ? row.number : code::kInvalidRequest;
  body["message"] = "(" + std::to_string(row.number) + ")" + text;
  body["codeDesc"] = row.number;
  return answer(body);
}

std::string success_text(const json::object& payload) {
  json::object body{{"code", 0}, {"message", ""}, {"codeDesc", "Success"}};
  for (const auto& item : payload) body[item.key()] = item.value();
  return json::serialize(body);
}

http::Response success(const json::object& payload) {
  return http::Response::text(200, kAnswerType, success_text(payload));
}

int step_code(Step step, ErrorCode error) {
  for (const StepRow& row : kSteps) {
    if (row.error != error) continue;
    if (step == Step::kPull) return row.pull;
    return step == Step::kProcedure ? row.procedure : row.transcode;
  }
  return kSystemFailure;
}

}  // namespace telecine::tencent
