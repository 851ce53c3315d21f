#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "child/zygote.h"

/// The only program that is linked with libav: `telecine` starts it for all media work.
int main(int argc, char** argv) {
  // What work/child_host gives it: its control socket, and this file, which it was started through.
  constexpr int kControlSocket = 3;
  constexpr int kProgram = 4;
  if (argc != 2 || std::string_view(argv[1]) != "media-host") {
    std::fputs(
        "telecine-media does the media work of telecine, which starts it by itself.\n"
        "See: telecine --help\n",
        stderr);
    return 2;
  }
  ::close(kProgram);
  return telecine::run_zygote(kControlSocket);
}
