#pragma once

/// Links the bytes of `path` into the program as `std::string_view symbol()`. The path is found
/// along the include directories of the assembler, which get the repository's `src/`.
#define TELECINE_EMBED(symbol, path)                                                        \
  __asm__(                                                                                  \
      ".section .rodata\n"                                                                  \
      ".global telecine_" #symbol                                                           \
      "_begin\n"                                                                            \
      ".global telecine_" #symbol                                                           \
      "_end\n"                                                                              \
      "telecine_" #symbol                                                                   \
      "_begin:\n"                                                                           \
      ".incbin \"" path                                                                     \
      "\"\n"                                                                                \
      "telecine_" #symbol                                                                   \
      "_end:\n"                                                                             \
      ".byte 0\n"                                                                           \
      ".previous\n");                                                                       \
  extern "C" const char telecine_##symbol##_begin[];                                        \
  extern "C" const char telecine_##symbol##_end[];                                          \
  static inline std::string_view symbol() {                                                 \
    return {telecine_##symbol##_begin,                                                      \
            static_cast<std::size_t>(telecine_##symbol##_end - telecine_##symbol##_begin)}; \
  }
