#pragma once

#include "base/fs.h"
#include "job/media_process.h"

namespace telecine {

/// The child's whole life: receives its job, enters the sandbox, works, answers. Answers the
/// process's exit code.
int run_media_child(Fd link, Fd input, SandboxLayers layers);

}  // namespace telecine
