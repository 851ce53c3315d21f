#include "media/font_choice.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>

#include "media/characters.h"
#include "media/font_files.h"

namespace telecine::media {
namespace {

/// Bytes of a character that begins with `first`.
std::size_t utf8_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

/// Where the words of a dialogue begin: behind its eight other fields.
std::size_t words_of(std::string_view dialogue) {
  std::size_t at = 0;
  for (int field = 0; field < 8; ++field) {
    const auto comma = dialogue.find(',', at);
    if (comma == std::string_view::npos) return 0;
    at = comma + 1;
  }
  return at;
}

/// Bytes of a tag in braces, or of an escape such as \N; 0 where there is none.
std::size_t markup_at(std::string_view text, std::size_t at) {
  if (text[at] == '\\' && at + 1 < text.size()) return 2;
  if (text[at] != '{') return 0;
  const auto end = text.find('}', at);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

}  // namespace

FontChoice::FontChoice() {
  if (FT_Init_FreeType(&library_) != 0) return;
  for (const FontBytes& font : font_files()) {
    if (font.emoji) continue;  // in bitmaps, which are not drawn here
    FT_Face face = nullptr;
    const int failed =
        FT_New_Memory_Face(library_, reinterpret_cast<const FT_Byte*>(font.bytes.data()),
                           static_cast<FT_Long>(font.bytes.size()), 0, &face);
    if (failed == 0 && face->family_name != nullptr) fonts_.push_back({face, face->family_name});
  }
}

FontChoice::~FontChoice() {
  for (const Font& font : fonts_) FT_Done_Face(font.face);
  if (library_ != nullptr) FT_Done_FreeType(library_);
}

std::string FontChoice::usual() const {
  return fonts_.empty() ? "" : fonts_.front().family;
}

const FontChoice::Font* FontChoice::font_for(char32_t character) const {
  const auto has = [character](const Font& font) {
    return FT_Get_Char_Index(font.face, character) != 0;
  };
  const auto found = std::ranges::find_if(fonts_, has);
  return found == fonts_.end() || found == fonts_.begin() ? nullptr : &*found;
}

std::string FontChoice::with_families(std::string_view dialogue) const {
  std::size_t at = words_of(dialogue);
  std::string out(dialogue.substr(0, at));
  const Font* current = nullptr;
  while (at < dialogue.size()) {
    std::size_t length = markup_at(dialogue, at);
    if (length == 0) {
      length = std::min(utf8_length(dialogue[at]), dialogue.size() - at);
      const std::u32string character = decode(dialogue.substr(at, length));
      const bool stays = length == 1 || character.empty() || clings(character.front());
      const Font* wanted =
          stays ? (dialogue[at] == ' ' ? current : nullptr) : font_for(character.front());
      if (length > 1 && stays) wanted = current;
      if (wanted != current) out += wanted == nullptr ? "{\\fn}" : "{\\fn" + wanted->family + "}";
      current = wanted;
    }
    out += dialogue.substr(at, length);
    at += length;
  }
  return out;
}

}  // namespace telecine::media
