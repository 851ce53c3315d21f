#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"

namespace telecine::tencent {

/// "<appId>-<kind>-<32 hex digits>"
std::string task_id_text(std::int64_t app_id, std::string_view kind, Id id);
/// The engine's id in a task id of any app and kind. The caller compares the whole text.
std::optional<Id> task_id_from(std::string_view text);

/// Files have 19 digits, more than a double holds: a 5, the key, and three digits that a guess
/// does not know.
std::string file_id_text(Id id);
std::optional<std::int64_t> file_key_from(std::string_view text);

}  // namespace telecine::tencent
