#pragma once

#include <string_view>

#include "task/spec.h"

namespace telecine {

/// The type of a storage that is the engine's own store: outputs stay where they are made, and
/// links to them lead to this server. Region, bucket and prefix are the caller's words for it.
inline constexpr std::string_view kOwnStore = "file";

/// Whether outputs have to be copied somewhere once they are made.
inline bool is_published(const TaskSpec& spec) {
  return spec.destination && spec.destination->type != kOwnStore;
}

}  // namespace telecine
