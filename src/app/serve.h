#pragma once

#include "app/config.h"

namespace telecine::app {

/// Runs the server (and, unless switched off, its worker) until SIGTERM or SIGINT, then drains.
/// Answers the process's exit code.
int serve(const Config& config);

/// Runs a worker alone on a data directory that a server uses too.
int work(const Config& config);

}  // namespace telecine::app
