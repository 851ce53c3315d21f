#pragma once

#include <cstdint>

namespace telecine::app {

/// Cores this process may use: what its affinity and its control group's quota leave.
int machine_cores();
/// Bytes of memory: the machine's, or the control group's limit where that is lower.
std::int64_t machine_memory();

}  // namespace telecine::app
