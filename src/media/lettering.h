#pragma once

#include <memory>
#include <string_view>

#include "media/canvas.h"

namespace telecine::media {

/// Reads the machine's fonts into memory. Call while files can still be opened; processes forked
/// later have them too. Once; later calls do nothing.
void open_fonts();

enum class Align : std::uint8_t { kStart, kCentre };

struct Lettering {
  int size = 32;   ///< px of the em; what does not fit is tried smaller
  int least = 10;  ///< px, below which the text is cut off, with an ellipsis
  Colour colour{255, 255, 255};
  Align align = Align::kStart;
  bool middle = false;  ///< in the middle of the box's height
};

/// Draws words of any script that one of the fonts has: shaped, in their direction, wrapped, and
/// a box for what no font has. Emoji come in colour. One thread.
class Letterer {
 public:
  Letterer();
  ~Letterer();

  /// False when this machine has no font at all.
  bool ready() const;
  /// Answers the height used, px.
  int draw(Canvas& canvas, std::string_view text, Box box, const Lettering& lettering);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine::media
