#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace telecine {

/// Why something could not be done. One vocabulary for the whole engine: rooms return it, tasks
/// store it, and every dialect maps it to numbers and texts of its own.
enum class ErrorCode : std::uint8_t {
  kInputNotFound,
  kInputForbidden,
  kInputUnreachable,
  kInputTooLarge,
  kNotMedia,
  kDecodeFailed,
  kUnsupported,
  kInvalidParameter,
  kStorageDenied,
  kStorageUnavailable,
  kOutOfSpace,
  kResourceLimit,
  kTimedOut,
  kWorkerLost,
  kProviderRejected,
  kProviderUnavailable,
  kCancelled,
  kInternal,
  // The codes below answer a call and never end a task.
  kNotFound,      ///< no such task, file, key, ... or another account's
  kConflict,      ///< the state of the thing does not allow it, or an idempotency key was reused
  kUnauthorized,  ///< no valid credentials
  kForbidden,     ///< valid credentials without the scope
  kTooMany,       ///< a rate or queue limit
  kUnavailable,   ///< the engine cannot answer now: draining, the store is gone
};

/// What went wrong in words for the caller. `message` says what to do about it and never carries
/// secrets, internal addresses or paths outside the caller's own. `field` names the request's
/// field at fault ("outputs[0].video.crf"), or is empty.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string field;

  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}

/// The snake_case name used in documents and logs: "input_not_found".
std::string_view name_of(ErrorCode code);
/// The inverse; kInternal for a name this build does not know.
ErrorCode error_code_named(std::string_view name);
/// Whether running the same unit again may succeed without anybody changing anything.
bool is_retryable(ErrorCode code);

}  // namespace telecine
