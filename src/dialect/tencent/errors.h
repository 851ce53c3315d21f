#pragma once

#include <string>

#include "base/json.h"
#include "dialect/tencent/options.h"
#include "http/message.h"

namespace telecine::tencent {

/// The numbers this dialect answers with.
namespace code {
inline constexpr int kInvalidRequest = 4000;
inline constexpr int kAuthFailure = 4100;
inline constexpr int kUnauthorized = 4101;
inline constexpr int kSecretIdNotFound = 4104;
inline constexpr int kTokenFailure = 4105;
inline constexpr int kLimitExceeded = 4400;
inline constexpr int kReplayAttack = 4500;
inline constexpr int kInternal = 6000;
inline constexpr int kUnknownAction = 6100;
inline constexpr int kUnavailable = 6200;
inline constexpr int kInvalidParameter = 1000;
inline constexpr int kFileNotFound = 10008;
inline constexpr int kFileStatus = 10009;
inline constexpr int kTaskInternal = 10027;
inline constexpr int kInvalidProcedure = 50007;
inline constexpr int kTaskNotFound = 70014;
}  // namespace code

/// The answer of a refused call; HTTP 200 as all of this dialect's. `message` empty: the usual one.
http::Response refusal(const Options& options, int number, const std::string& message = {});
/// {"code":0,"message":"","codeDesc":"Success", …payload}
http::Response success(const json::object& payload);
std::string success_text(const json::object& payload);
inline constexpr auto kAnswerType = "application/json; charset=utf-8";

/// What went wrong while a task ran, in the numbers of the kind of step it happened in.
enum class Step { kPull, kProcedure, kTranscode };
int step_code(Step step, ErrorCode error);

/// Of a sub-task that never began because one before it failed, and of all else that is the
/// system's fault.
inline constexpr int kSystemFailure = 30010;

}  // namespace telecine::tencent
