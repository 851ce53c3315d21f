#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace telecine::aliyun {

/// Every code of the protocol, the gateway's first. Those that this engine has no cause for stand
/// in the table all the same: they are what its clients know.
enum class Code : std::uint8_t {
  kMalformedParameters,
  kInvalidFormat,
  kUnsupportedMethod,
  kUnknownAction,
  kMissing,
  kIncompleteSignature,
  kInvalidSignatureMethod,
  kMalformedToken,
  kUnknownKey,
  kInactiveKey,
  kSignatureMismatch,
  kBadTimestamp,
  kExpiredTimestamp,
  kNonceUsed,
  kInvalidVersion,
  kThrottled,
  kMissingParameter,
  kInvalidParameter,
  kParameterTooLong,
  kResourceNotFound,
  kUnauthorized,
  kForbidden,
  kServiceNotOpened,
  kBalanceNotEnough,
  kServiceNotSelected,
  kTooManyFiles,
  kInvalidFile,
  kParameterExists,
  kTemplateInUse,
  kTooManyFaces,
  kTooManyApplications,
  kInternalError,
  kServiceUnavailable,
  kUnknownError,
  kInvalidApi,
  kInvalidTimestamp,
};

struct CodeRow {
  Code code;
  int status;  ///< HTTP
  std::string_view name;
  std::string_view message;  ///< "%s" stands for what it is about, in the name too
};
std::span<const CodeRow> code_table();
const CodeRow& row_of(Code code);

/// Why a call is not answered. `about` is a parameter's name, or the text that was signed.
struct Refusal {
  Code code = Code::kInternalError;
  std::string about{};
};
std::string name_of(const Refusal& refusal);
std::string message_of(const Refusal& refusal);

/// An error of the service as a refusal; its fields are those of the native API.
Refusal refusal_of(const Error& error);

/// How a failed task says why.
struct TaskError {
  std::string_view code;
  std::string_view name;
};
TaskError task_error(ErrorCode code);

}  // namespace telecine::aliyun
