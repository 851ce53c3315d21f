#include "base/error.h"

#include <array>

namespace telecine {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  bool retryable;
};

constexpr std::array kRows = {
    Row{ErrorCode::kInputNotFound, "input_not_found", false},
    Row{ErrorCode::kInputForbidden, "input_forbidden", false},
    Row{ErrorCode::kInputUnreachable, "input_unreachable", true},
    Row{ErrorCode::kInputTooLarge, "input_too_large", false},
    Row{ErrorCode::kNotMedia, "not_media", false},
    Row{ErrorCode::kDecodeFailed, "decode_failed", false},
    Row{ErrorCode::kUnsupported, "unsupported", false},
    Row{ErrorCode::kInvalidParameter, "invalid_parameter", false},
    Row{ErrorCode::kStorageDenied, "storage_denied", false},
    Row{ErrorCode::kStorageUnavailable, "storage_unavailable", true},
    Row{ErrorCode::kOutOfSpace, "out_of_space", true},
    Row{ErrorCode::kResourceLimit, "resource_limit", false},
    Row{ErrorCode::kTimedOut, "timed_out", true},
    Row{ErrorCode::kWorkerLost, "worker_lost", true},
    Row{ErrorCode::kProviderRejected, "provider_rejected", false},
    Row{ErrorCode::kProviderUnavailable, "provider_unavailable", true},
    Row{ErrorCode::kCancelled, "cancelled", false},
    Row{ErrorCode::kInternal, "internal", true},
    Row{ErrorCode::kNotFound, "not_found", false},
    Row{ErrorCode::kConflict, "conflict", false},
    Row{ErrorCode::kUnauthorized, "unauthorized", false},
    Row{ErrorCode::kForbidden, "forbidden", false},
    Row{ErrorCode::kTooMany, "too_many_requests", true},
    Row{ErrorCode::kUnavailable, "unavailable", true},
};

const Row& row(ErrorCode code) {
  return kRows[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  return row(code).name;
}

ErrorCode error_code_named(std::string_view name) {
  for (const Row& r : kRows) {
    if (r.name == name) return r.code;
  }
  return ErrorCode::kInternal;
}

bool is_retryable(ErrorCode code) {
  return row(code).retryable;
}

}  // namespace telecine
