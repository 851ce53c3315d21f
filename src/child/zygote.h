#pragma once

namespace telecine {

/// The warm parent of all media children: a process of its own, started by ChildHost, that has the
/// media libraries loaded and touched, holds nothing but its control socket, and forks a child for
/// every job it is sent. Ends, and takes its children along, when the socket closes.
/// Answers the process's exit code.
int run_zygote(int control_socket);

}  // namespace telecine
