#pragma once

namespace telecine::app {

/// The program: reads the command line, does what it says, answers the process's exit code.
int run(int argc, char** argv);

}  // namespace telecine::app
