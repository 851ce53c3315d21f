#include "media/lettering.h"

#include <fribidi.h>
#include <hb-ft.h>
#include <hb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "media/characters.h"
#include "media/font_files.h"

#include <ft2build.h>
#include FT_FREETYPE_H

namespace telecine::media {
namespace {

constexpr double kLineHeight = 1.35;  // of the em
struct Face {
  FT_Face face = nullptr;
  hb_font_t* shaper = nullptr;
  bool emoji = false;
  double scale = 1;  ///< of the bitmaps of a font that has only one size
};

struct Glyph {
  std::size_t face = 0;
  unsigned index = 0;
  double advance = 0;  ///< px
  double x = 0;        ///< px, offset of the drawing
  double y = 0;
};

/// Neighbours of one font, direction and script.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t face = 0;
  FriBidiLevel level = 0;
  hb_script_t script = HB_SCRIPT_COMMON;
};

struct Paragraph {
  std::u32string text;
  std::vector<std::size_t> faces;    // by character
  std::vector<FriBidiLevel> levels;  // likewise
  std::vector<hb_script_t> scripts;  // likewise
  bool right_to_left = false;
};

struct Line {
  std::size_t begin = 0;
  std::size_t end = 0;
};

}  // namespace

struct Letterer::Impl {
  FT_Library library = nullptr;
  std::vector<Face> faces;

  Impl() {
    if (FT_Init_FreeType(&library) != 0) return;
    for (const FontBytes& font : font_files()) {
      Face face;
      face.emoji = font.emoji;
      const auto* bytes = reinterpret_cast<const FT_Byte*>(font.bytes.data());
      const auto size = static_cast<FT_Long>(font.bytes.size());
      if (FT_New_Memory_Face(library, bytes, size, 0, &face.face) != 0) continue;
      face.shaper = hb_ft_font_create_referenced(face.face);
      hb_ft_font_set_load_flags(face.shaper, FT_LOAD_NO_HINTING | FT_LOAD_COLOR);
      faces.push_back(face);
    }
  }
  ~Impl() {
    for (Face& face : faces) {
      hb_font_destroy(face.shaper);
      FT_Done_Face(face.face);
    }
    if (library != nullptr) FT_Done_FreeType(library);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void set_size(int size) {
    for (Face& face : faces) {
      const bool fixed = FT_IS_SCALABLE(face.face) == 0 && face.face->num_fixed_sizes > 0;
      if (fixed) {
        FT_Select_Size(face.face, 0);
        face.scale = size * 64.0 / static_cast<double>(face.face->available_sizes[0].y_ppem);
      } else {
        FT_Set_Pixel_Sizes(face.face, 0, static_cast<FT_UInt>(size));
        face.scale = 1;
      }
      hb_ft_font_changed(face.shaper);
    }
  }

  /// The face that has the character; the first one, with its box, when none does.
  std::size_t face_for(char32_t c, bool as_picture) const {
    for (const bool pictures : {as_picture, !as_picture}) {
      for (std::size_t i = 0; i < faces.size(); ++i) {
        if (faces[i].emoji == pictures && FT_Get_Char_Index(faces[i].face, c) != 0) return i;
      }
    }
    return 0;
  }

  Paragraph analyse(std::u32string words) const {
    Paragraph p;
    p.text = std::move(words);
    const std::size_t count = p.text.size();
    p.faces.resize(count);
    p.scripts.resize(count);
    p.levels.resize(count);
    auto* functions = hb_unicode_funcs_get_default();
    for (std::size_t i = 0; i < count; ++i) {
      const char32_t c = p.text[i];
      const bool emoji = is_pictograph(c) || (i + 1 < count && p.text[i + 1] == kVariationEmoji);
      const bool follows = i > 0 && (clings(c) || p.text[i - 1] == kJoiner);
      p.faces[i] = follows ? p.faces[i - 1] : face_for(c, emoji);
      p.scripts[i] = hb_unicode_script(functions, c);
      const bool neutral = p.scripts[i] == HB_SCRIPT_COMMON || p.scripts[i] == HB_SCRIPT_INHERITED;
      if (neutral && i > 0) p.scripts[i] = p.scripts[i - 1];
    }
    std::vector<FriBidiChar> characters(p.text.begin(), p.text.end());
    std::vector<FriBidiCharType> types(count);
    std::vector<FriBidiBracketType> brackets(count);
    const auto length = static_cast<FriBidiStrIndex>(count);
    fribidi_get_bidi_types(characters.data(), length, types.data());
    fribidi_get_bracket_types(characters.data(), length, types.data(), brackets.data());
    FriBidiParType direction = FRIBIDI_PAR_ON;
    const auto levels = fribidi_get_par_embedding_levels_ex(types.data(), brackets.data(), length,
                                                            &direction, p.levels.data());
    if (levels == 0) std::ranges::fill(p.levels, FriBidiLevel{0});  // out of memory: as it comes
    p.right_to_left = FRIBIDI_IS_RTL(direction);
    return p;
  }

  std::vector<Run> runs_of(const Paragraph& p, Line line) const {
    std::vector<Run> runs;
    for (std::size_t i = line.begin; i < line.end; ++i) {
      const bool same = !runs.empty() && runs.back().face == p.faces[i] &&
                        runs.back().level == p.levels[i] && runs.back().script == p.scripts[i];
      if (same) {
        runs.back().end = i + 1;
      } else {
        runs.push_back({i, i + 1, p.faces[i], p.levels[i], p.scripts[i]});
      }
    }
    return runs;
  }

  /// Shapes a run; `advances`, when given, gets each cluster's width at its first character.
  std::vector<Glyph> shape(const Paragraph& p, const Run& run,
                           std::vector<double>* advances) const {
    const Face& face = faces[run.face];
    hb_buffer_t* buffer = hb_buffer_create();
    hb_buffer_add_utf32(buffer, reinterpret_cast<const std::uint32_t*>(p.text.data()),
                        static_cast<int>(p.text.size()), static_cast<unsigned>(run.begin),
                        static_cast<int>(run.end - run.begin));
    hb_buffer_set_direction(buffer,
                            FRIBIDI_LEVEL_IS_RTL(run.level) ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    hb_buffer_set_script(buffer, run.script);
    hb_buffer_set_language(buffer, hb_language_from_string("und", -1));
    hb_shape(face.shaper, buffer, nullptr, 0);
    unsigned count = 0;
    const auto* infos = hb_buffer_get_glyph_infos(buffer, &count);
    const auto* positions = hb_buffer_get_glyph_positions(buffer, &count);
    const double unit = face.scale / 64;  // positions are 26.6
    std::vector<Glyph> glyphs;
    for (unsigned i = 0; i < count; ++i) {
      const double advance = positions[i].x_advance * unit;
      glyphs.push_back({run.face, infos[i].codepoint, advance, positions[i].x_offset * unit,
                        positions[i].y_offset * unit});
      if (advances != nullptr) (*advances)[infos[i].cluster] += advance;
    }
    hb_buffer_destroy(buffer);
    return glyphs;
  }

  /// The width of each cluster at its first character.
  std::vector<double> advances_of(const Paragraph& p) const {
    std::vector<double> advances(p.text.size());
    for (const Run& run : runs_of(p, {0, p.text.size()})) (void)shape(p, run, &advances);
    return advances;
  }

  static std::vector<Line> wrap(const Paragraph& p, const std::vector<double>& advances,
                                double width) {
    std::vector<Line> lines;
    std::size_t begin = 0;
    std::size_t chance = 0;  // where the line may end; 0: nowhere yet
    double used = 0;
    for (std::size_t i = 0; i < p.text.size(); ++i) {
      const bool space = p.text[i] == U' ';
      const bool before =
          i > begin && !closes(p.text[i]) && !clings(p.text[i]) && p.text[i - 1] != kJoiner &&
          (p.text[i - 1] == U' ' || breaks_anywhere(p.text[i]) || breaks_anywhere(p.text[i - 1]));
      if (before) chance = i;
      used += advances[i];
      if (used <= width || space || i == begin) continue;
      const std::size_t end = chance > begin ? chance : i;
      lines.push_back({begin, end});
      begin = end;
      chance = 0;
      used = 0;
      for (std::size_t k = begin; k <= i; ++k) used += advances[k];
    }
    if (begin < p.text.size()) lines.push_back({begin, p.text.size()});
    return lines;
  }

  /// As few lines as `wrap` makes, and as even as that allows: no word alone on the last one.
  static std::vector<Line> wrap_evenly(const Paragraph& p, const std::vector<double>& advances,
                                       double width) {
    constexpr int kSteps = 7;
    std::vector<Line> best = wrap(p, advances, width);
    double least = width / 2;
    for (int i = 0; i < kSteps && best.size() > 1; ++i) {
      const double tried = (least + width) / 2;
      std::vector<Line> lines = wrap(p, advances, tried);
      if (lines.size() > best.size()) {
        least = tried;
      } else {
        width = tried;
        best = std::move(lines);
      }
    }
    return best;
  }

  /// Text laid out in lines at the size that is set.
  struct Layout {
    Paragraph paragraph;
    std::vector<Line> lines;
  };
  Layout lay_out(Paragraph p, double width) const {
    auto lines = wrap_evenly(p, advances_of(p), width);
    return {std::move(p), std::move(lines)};
  }

  /// Where the last word before `end` begins; one character back where no word does.
  static std::size_t word_before(const std::u32string& text, std::size_t end) {
    constexpr std::size_t kLongestWord = 24;
    for (std::size_t at = end; at > 1 && end - at < kLongestWord; --at) {
      if (text[at - 1] == U' ' || breaks_anywhere(text[at - 1])) return at - 1;
    }
    return end - 1;
  }

  /// The beginning of a text that is too long, and an ellipsis.
  Layout cut_to(const Paragraph& whole, std::size_t most, double width) const {
    const auto lines = wrap(whole, advances_of(whole), width);
    if (lines.size() <= most) return {whole, lines};
    for (std::size_t end = lines[most - 1].end;; end = word_before(whole.text, end)) {
      while (end > 0 && (whole.text[end - 1] == U' ' || closes(whole.text[end - 1]))) --end;
      Paragraph part = analyse(whole.text.substr(0, end) + U'…');
      auto fitting = wrap(part, advances_of(part), width);
      if (fitting.size() <= most || end == 0) return {std::move(part), std::move(fitting)};
    }
  }

  /// The runs of a line from left to right.
  std::vector<Run> visual(std::vector<Run> runs) const {
    FriBidiLevel most = 0;
    for (const Run& run : runs) most = std::max(most, run.level);
    for (FriBidiLevel level = most; level > 0; --level) {
      for (std::size_t i = 0; i < runs.size();) {
        std::size_t end = i;
        while (end < runs.size() && runs[end].level >= level) ++end;
        if (end > i) {
          std::reverse(runs.begin() + static_cast<std::ptrdiff_t>(i),
                       runs.begin() + static_cast<std::ptrdiff_t>(end));
        }
        i = std::max(end, i + 1);
      }
    }
    return runs;
  }

  void draw_glyph(Canvas& canvas, const Glyph& glyph, double x, double baseline, Colour colour) {
    const Face& face = faces[glyph.face];
    if (FT_Load_Glyph(face.face, glyph.index,
                      FT_LOAD_NO_HINTING | FT_LOAD_COLOR | FT_LOAD_RENDER) != 0) {
      return;
    }
    const FT_GlyphSlot slot = face.face->glyph;
    const FT_Bitmap& bitmap = slot->bitmap;
    const double scale = face.scale;
    const int left = static_cast<int>(std::lround(x + glyph.x + slot->bitmap_left * scale));
    const int top = static_cast<int>(std::lround(baseline - glyph.y - slot->bitmap_top * scale));
    const int width = static_cast<int>(std::lround(bitmap.width * scale));
    const int height = static_cast<int>(std::lround(bitmap.rows * scale));
    for (int row = 0; row < height; ++row) {
      for (int column = 0; column < width; ++column) {
        draw_pixel(canvas, bitmap, scale, column, row, left, top, colour);
      }
    }
  }

  /// One pixel: the mean of those of the bitmap that it covers.
  static void draw_pixel(Canvas& canvas, const FT_Bitmap& bitmap, double scale, int column, int row,
                         int left, int top, Colour colour) {
    const auto span = [&](int at, unsigned limit) {
      const int first = std::min(static_cast<int>(at / scale), static_cast<int>(limit) - 1);
      const int last = std::min(static_cast<int>((at + 1) / scale), static_cast<int>(limit));
      return std::pair(first, std::max(first + 1, last));
    };
    const auto [x0, x1] = span(column, bitmap.width);
    const auto [y0, y1] = span(row, bitmap.rows);
    int sum[4] = {};
    for (int y = y0; y < y1; ++y) {
      const auto* line = bitmap.buffer + static_cast<std::ptrdiff_t>(y) * bitmap.pitch;
      for (int x = x0; x < x1; ++x) {
        if (bitmap.pixel_mode == FT_PIXEL_MODE_BGRA) {
          for (int k = 0; k < 4; ++k) sum[k] += line[x * 4 + k];
        } else {
          sum[3] += line[x];
        }
      }
    }
    const int count = (x1 - x0) * (y1 - y0);
    const int alpha = sum[3] / count;
    if (alpha == 0) return;
    if (bitmap.pixel_mode == FT_PIXEL_MODE_BGRA) {
      // The bitmap's colours are multiplied with its alpha already.
      const auto plain = [&](int k) {
        return static_cast<std::uint8_t>(std::min(255, sum[k] * 255 / std::max(1, sum[3])));
      };
      colour = {plain(2), plain(1), plain(0)};
    }
    canvas.blend(left + column, top + row, colour, alpha);
  }

  void draw_line(Canvas& canvas, const Paragraph& p, Line line, Box box, double baseline,
                 const Lettering& lettering) {
    while (line.end > line.begin && p.text[line.end - 1] == U' ') --line.end;
    double width = 0;
    std::vector<std::vector<Glyph>> shaped;
    for (const Run& run : visual(runs_of(p, line))) {
      shaped.push_back(shape(p, run, nullptr));
      for (const Glyph& glyph : shaped.back()) width += glyph.advance;
    }
    const double room = box.width - width;
    double x = box.x;
    if (lettering.align == Align::kCentre)
      x += room / 2;
    else if (p.right_to_left)
      x += room;
    for (const auto& glyphs : shaped) {
      for (const Glyph& glyph : glyphs) {
        draw_glyph(canvas, glyph, x, baseline, lettering.colour);
        x += glyph.advance;
      }
    }
  }
};

void open_fonts() {
  load_font_files();
}

Letterer::Letterer() : impl_(std::make_unique<Impl>()) {}
Letterer::~Letterer() = default;

bool Letterer::ready() const {
  return !impl_->faces.empty();
}

int Letterer::draw(Canvas& canvas, std::string_view text, Box box, const Lettering& lettering) {
  if (!ready() || box.width <= 0 || box.height <= 0) return 0;
  const Paragraph whole = impl_->analyse(decode(text));
  if (whole.text.empty()) return 0;
  int size = std::max(lettering.size, lettering.least);
  const auto step = [&] { return static_cast<int>(std::lround(size * kLineHeight)); };
  const auto room = [&] {
    return std::max<std::size_t>(1, static_cast<std::size_t>(box.height / step()));
  };
  Impl::Layout layout;
  while (true) {
    impl_->set_size(size);
    layout = impl_->lay_out(whole, box.width);
    if (layout.lines.size() <= room() || size <= lettering.least) break;
    size = std::max(lettering.least, size * 9 / 10);
  }
  if (layout.lines.size() > room()) layout = impl_->cut_to(whole, room(), box.width);
  const int used = static_cast<int>(layout.lines.size()) * step();
  // The baseline: below the part of the line that capitals and accents take.
  double baseline = box.y + size * 1.05;
  if (lettering.middle) baseline += (box.height - used) / 2.0;
  for (const Line& line : layout.lines) {
    impl_->draw_line(canvas, layout.paragraph, line, box, baseline, lettering);
    baseline += step();
  }
  return used;
}

}  // namespace telecine::media
