#pragma once

#include "base/json.h"
#include "http/message.h"
#include "service/service.h"

namespace telecine::native {

/// The body of POST /api/v1/tasks. Strict; errors name the field and what would be valid.
Result<TaskRequest> task_request_from(const http::Request& request);
/// The body of PUT /api/v1/templates/{name}.
Result<Template> template_request_from(const http::Request& request, std::string_view name);
/// The body of POST /api/v1/keys. Fields not given are made up.
Result<AccessKey> key_request_from(const http::Request& request, const std::string& account);

/// ?wait=30s or "Prefer: wait=30": milliseconds, at most 60 s; 0 for none.
Result<Millis> wait_from(const http::Request& request);
/// ?limit= from 1 to 200.
Result<int> limit_from(const http::Request& request);
/// ?cursor= as an earlier page gave it; 0 without.
Result<std::int64_t> cursor_from(const http::Request& request);
std::string cursor_text(std::int64_t key);

}  // namespace telecine::native
