#pragma once

#include "base/error.h"
#include "job/media_job.h"
#include "job/media_process.h"

namespace telecine {

/// In the zygote, single-threaded, after everything that opens files by path. A layer the kernel
/// or the container refuses stays off; the others do not depend on it.
void enter_zygote_sandbox(SandboxLayers& layers);
/// In a child, before it touches the input. An error means that the child must not go on.
Status enter_child_sandbox(const ChildLimits& limits, SandboxLayers& layers);

}  // namespace telecine
