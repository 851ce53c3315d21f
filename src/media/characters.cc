#include "media/characters.h"

namespace telecine::media {

std::u32string decode(std::string_view text) {
  constexpr std::size_t kMostCharacters = 8000;
  std::u32string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMostCharacters;) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int tail = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t value = tail == 0 ? lead : lead & (0x3FU >> tail);
    for (int k = 1; k <= tail && i + static_cast<std::size_t>(k) < text.size(); ++k) {
      value =
          value << 6 | (static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]) & 0x3FU);
    }
    i += static_cast<std::size_t>(tail) + 1;
    out += value < 0x20 ? U' ' : value;
  }
  return out;
}

bool is_pictograph(char32_t c) {
  return (c >= 0x1F000 && c <= 0x1FAFF) || (c >= 0x2600 && c <= 0x27BF) ||
         (c >= 0x2B00 && c <= 0x2BFF) || (c >= 0xE0020 && c <= 0xE007F);
}

bool clings(char32_t c) {
  return c == kVariationEmoji || c == kJoiner || (c >= 0x1F3FB && c <= 0x1F3FF) ||
         (c >= 0xE0020 && c <= 0xE007F) || (c >= 0x300 && c <= 0x36F) || c == 0x20E3;
}

bool breaks_anywhere(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) ||
         (c >= 0x20000 && c <= 0x3FFFF) || (is_pictograph(c) && !clings(c));
}

bool closes(char32_t c) {
  constexpr std::u32string_view kClosing = U",.!?;:)]}»”’、。，．！？；：）】》」』…";
  return kClosing.find(c) != std::u32string_view::npos;
}

}  // namespace telecine::media
