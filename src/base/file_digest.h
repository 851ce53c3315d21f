#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"

namespace telecine {

/// MD5 of the whole file, in lower-case hex; its position does not matter and stays. kCancelled
/// after `stop`.
Result<std::string> md5_of(int fd, const std::stop_token& stop);

}  // namespace telecine
