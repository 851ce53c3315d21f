#pragma once

#include <span>
#include <string_view>

namespace telecine::media {

/// One font file in memory, for as long as the process lives.
struct FontBytes {
  std::string_view bytes;
  bool emoji = false;  ///< asked first for pictographs, last for everything else
};

/// Reads the fonts of this machine; see `open_fonts`.
void load_font_files();
/// In the order in which they are asked for a character.
std::span<const FontBytes> font_files();

}  // namespace telecine::media
