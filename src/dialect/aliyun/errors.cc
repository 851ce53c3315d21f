#include "dialect/aliyun/errors.h"

#include <array>

namespace telecine::aliyun {
namespace {

constexpr std::string_view kServerFault = "An error occurred while processing your request.";

constexpr std::array kCodes = std::to_array<CodeRow>({
    {Code::kMalformedParameters, 400, "RequestParameterMalformed",
     "Request parameters has malformed encoded characters."},
    {Code::kInvalidFormat, 400, "InvalidParameter.Format",
     "Specified parameter format is not valid."},
    {Code::kUnsupportedMethod, 400, "UnsupportedHTTPMethod", "This http method is not supported."},
    {Code::kUnknownAction, 404, "InvalidAction.NotFound",
     "Specified api is not found, please check your url and method."},
    {Code::kMissing, 400, "Missing%s", "%s is mandatory for this action."},
    {Code::kIncompleteSignature, 400, "IncompleteSignature",
     "The request signature does not conform to Aliyun standards."},
    {Code::kInvalidSignatureMethod, 400, "InvalidSignatureMethod",
     "Specified signature method is not valid."},
    {Code::kMalformedToken, 400, "InvalidSecurityToken.Malformed",
     "Specified SecurityToken is malformed."},
    {Code::kUnknownKey, 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."},
    {Code::kInactiveKey, 400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."},
    // Clients cut the text after the colon and compare it with their own.
    {Code::kSignatureMismatch, 400, "SignatureDoesNotMatch",
     "Specified signature is not matched with our calculation. server string to sign is:%s"},
    {Code::kBadTimestamp, 400, "InvalidTimeStamp.Format",
     "Specified time stamp or date value is not well formatted."},
    {Code::kExpiredTimestamp, 400, "InvalidTimeStamp.Expired",
     "Specified time stamp or date value is expired."},
    {Code::kNonceUsed, 400, "SignatureNonceUsed", "Specified signature nonce was used already."},
    {Code::kInvalidVersion, 400, "InvalidVersion", "Specified parameter Version is not valid."},
    {Code::kThrottled, 400, "Throttling.User", "Request was denied due to user flow control."},
    {Code::kMissingParameter, 400, "MissingParameter", "You must specify the parameter %s."},
    {Code::kInvalidParameter, 400, "InvalidParameter", "The specified parameter %s is invalid."},
    {Code::kParameterTooLong, 400, "InvalidParameterLengthLimit",
     "The maximum length of %s is exceeded."},
    {Code::kResourceNotFound, 404, "ResourceNotFound",
     "The requested resource does not exist. Please check the parameter %s."},
    {Code::kUnauthorized, 401, "Unauthorized", "You are not authorized to perform the operation."},
    {Code::kForbidden, 403, "Forbidden", "The beta version has expired."},
    {Code::kServiceNotOpened, 401, "ServiceNotOpened", "You have not purchased the service."},
    {Code::kBalanceNotEnough, 401, "BalanceNotEnough",
     "The account balance is insufficient and you cannot perform the request."},
    {Code::kServiceNotSelected, 406, "ServiceNotSelected", "The service is not activated."},
    {Code::kTooManyFiles, 406, "FileUploadCountLimit",
     "The maximum number of file upload is exceeded."},
    {Code::kInvalidFile, 406, "FileContentInvalid", "The specified file content is invalid."},
    {Code::kParameterExists, 406, "ExistParameter", "The specified parameter %s exists."},
    {Code::kTemplateInUse, 406, "ExistTemplateRelationship",
     "The associated template already exists."},
    {Code::kTooManyFaces, 406, "FaceImageCountLimit",
     "The maximum number of face images is exceeded."},
    {Code::kTooManyApplications, 406, "ApplicationCountLimit",
     "The maximum number of applications is exceeded."},
    {Code::kInternalError, 500, "InternalError", kServerFault},
    {Code::kServiceUnavailable, 500, "ServiceUnavailable", kServerFault},
    {Code::kUnknownError, 500, "UnknownError", kServerFault},
    {Code::kInvalidApi, 404, "InvalidApiNotFound",
     "The specified API operation does not exist. Please check the URL and method."},
    {Code::kInvalidTimestamp, 400, "InvalidTimeStamp",
     "The specified TimeStamp is invalid. Please check parameter %s."},
});

/// Fields of the service by the names they have here.
constexpr std::array kFields = {
    std::pair{std::string_view("input"), std::string_view("VideoUrl")},
    std::pair{std::string_view("callback_url"), std::string_view("CallbackUrl")},
    std::pair{std::string_view("Idempotency-Key"), std::string_view("ClientToken")}};

struct TaskErrorRow {
  ErrorCode code;
  TaskError error;
};
constexpr TaskError kInternalTaskError{"1999", "Internal error"};
constexpr std::array kTaskErrors = std::to_array<TaskErrorRow>({
    {ErrorCode::kInputNotFound, {"1000", "Download fail"}},
    {ErrorCode::kInputForbidden, {"1000", "Download fail"}},
    {ErrorCode::kInputUnreachable, {"1000", "Download fail"}},
    {ErrorCode::kNotMedia, {"1001", "Invalid video"}},
    {ErrorCode::kDecodeFailed, {"1002", "Decode fail"}},
    {ErrorCode::kUnsupported, {"1003", "Unsupported video"}},
    {ErrorCode::kInputTooLarge, {"1004", "Limit exceeded"}},
    {ErrorCode::kResourceLimit, {"1004", "Limit exceeded"}},
    {ErrorCode::kTimedOut, {"1005", "Timeout"}},
    {ErrorCode::kCancelled, {"1006", "Task cancelled"}},
    {ErrorCode::kStorageDenied, {"1007", "Upload fail"}},
    {ErrorCode::kStorageUnavailable, {"1007", "Upload fail"}},
    {ErrorCode::kOutOfSpace, {"1007", "Upload fail"}},
});

std::string filled(std::string_view text, const std::string& about) {
  std::string out(text);
  if (const auto at = out.find("%s"); at != std::string::npos) out.replace(at, 2, about);
  return out;
}

}  // namespace

std::span<const CodeRow> code_table() {
  return kCodes;
}

const CodeRow& row_of(Code code) {
  return kCodes[static_cast<std::size_t>(code)];
}

std::string name_of(const Refusal& refusal) {
  return filled(row_of(refusal.code).name, refusal.about);
}

std::string message_of(const Refusal& refusal) {
  return filled(row_of(refusal.code).message, refusal.about);
}

Refusal refusal_of(const Error& error) {
  for (const auto& [theirs, ours] : kFields) {
    if (error.field == theirs) return {Code::kInvalidParameter, std::string(ours)};
  }
  switch (error.code) {
    case ErrorCode::kTooMany:
      return {Code::kTooManyFiles};
    case ErrorCode::kForbidden:
    case ErrorCode::kUnauthorized:
      return {Code::kUnauthorized};
    case ErrorCode::kUnavailable:
    case ErrorCode::kStorageUnavailable:
    case ErrorCode::kOutOfSpace:
      return {Code::kServiceUnavailable};
    default:
      return {Code::kInternalError};
  }
}

TaskError task_error(ErrorCode code) {
  for (const auto& [known, error] : kTaskErrors) {
    if (known == code) return error;
  }
  return kInternalTaskError;
}

}  // namespace telecine::aliyun
