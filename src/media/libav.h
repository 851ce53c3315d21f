#pragma once

#include "job/media_process.h"

namespace telecine::media {

/// What this program is linked with, and what that has.
Libav describe_libav();

}  // namespace telecine::media
