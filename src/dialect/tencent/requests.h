#pragma once

#include <expected>

#include "dialect/tencent/order.h"

namespace telecine::tencent {

using Ordered = std::expected<TaskRequest, Wrong>;

/// The calls that make tasks, as the engine is asked for them.
Ordered run_procedure_request(const Call& call);
Ordered process_file_request(const Call& call);
Ordered convert_request(const Call& call);
Ordered clip_request(const Call& call);

/// The file of a decimal id, if it is the caller's.
std::optional<File> find_file(const Call& call, const std::string& text);

}  // namespace telecine::tencent
