#pragma once

#include <string>
#include <string_view>

namespace telecine::media {

inline constexpr char32_t kVariationEmoji = 0xFE0F;
inline constexpr char32_t kJoiner = 0x200D;

/// The characters of valid UTF-8, control characters as spaces; at most 8000.
std::u32string decode(std::string_view text);

/// Drawn in colour where a font for that is there.
bool is_pictograph(char32_t c);
/// Takes the font of the character before, and stays in its line.
bool clings(char32_t c);
/// Of a script whose lines break between any two characters.
bool breaks_anywhere(char32_t c);
/// A mark that must not begin a line.
bool closes(char32_t c);

}  // namespace telecine::media
