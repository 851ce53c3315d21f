#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace telecine::sqlite {

/// What clients see of a task is some KiB of JSON that is much alike in all tasks. It lies in the
/// database compressed (LZ4) against a text of usual ones, a tenth of its size. Throws a Failure
/// for more than 256 MiB.
std::string pack_view(const std::string& view);
/// Also of a view as it is. kInternal for bytes that `pack_view` did not make.
Result<std::string> unpack_view(std::string_view packed);

}  // namespace telecine::sqlite
