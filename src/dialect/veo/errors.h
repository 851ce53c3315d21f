#pragma once

#include <string>

#include "base/error.h"
#include "http/message.h"
#include "task/task.h"

namespace telecine::veo {

/// {"code", "message", "data": null}.
http::Response envelope_error(int status, std::string_view code, std::string_view message);
/// What a failed call is answered with.
http::Response error_of(const Error& error);
/// An unknown task, and another account's.
http::Response no_such_task();
/// {"error": {"message", "type", "code"}} with a request id: who may call is answered in this
/// shape.
http::Response access_error(int status, std::string_view message);
/// The same for who calls too often.
http::Response too_many(std::string_view message, std::int64_t retry_s);

/// Why a task failed, in words that hold no address and no provider's name. Empty unless it did.
std::string fail_reason(const Task& task);

}  // namespace telecine::veo
