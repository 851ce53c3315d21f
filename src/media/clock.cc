#include "media/clock.h"

#include <cstdio>

namespace telecine::media {

std::string webvtt_time(Millis at) {
  char text[40];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld.%03lld",
                static_cast<long long>(at / 3'600'000), static_cast<long long>(at / 60'000 % 60),
                static_cast<long long>(at / 1000 % 60), static_cast<long long>(at % 1000));
  return text;
}

}  // namespace telecine::media
