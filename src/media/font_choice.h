#pragma once

#include <string>
#include <string_view>
#include <vector>

struct FT_LibraryRec_;
struct FT_FaceRec_;

namespace telecine::media {

/// Which of the machine's fonts have a character. One thread.
class FontChoice {
 public:
  FontChoice();
  ~FontChoice();
  FontChoice(const FontChoice&) = delete;
  FontChoice& operator=(const FontChoice&) = delete;

  /// The family that is asked first; empty when there is no font.
  std::string usual() const;
  /// The text of an ASS dialogue, which names another family where the usual one lacks a character
  /// and that one has it.
  std::string with_families(std::string_view dialogue) const;

 private:
  struct Font {
    FT_FaceRec_* face;
    std::string family;
  };
  const Font* font_for(char32_t character) const;

  FT_LibraryRec_* library_ = nullptr;
  std::vector<Font> fonts_;
};

}  // namespace telecine::media
