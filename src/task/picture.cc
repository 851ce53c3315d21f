#include "task/picture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace telecine {
namespace {

constexpr std::size_t kMaxWatermarks = 16;
constexpr std::size_t kMaxUrl = 4096;

json::value length_json(const Length& length) {
  if (!length.percent) return length.value;
  char text[40];
  std::snprintf(text, sizeof text, "%.9g%%", length.value);
  return json::value(text);
}

void write_length(json::object& o, std::string_view key, const Length& length) {
  if (length != Length{}) o[key] = length_json(length);
}

/// px, or "12.5%" of the picture. `least` is in either.
Length read_length(ObjectReader& in, std::string_view key, double least, Length usual = {}) {
  const auto* value = in.any(key);
  if (value == nullptr) return usual;
  if (value->is_number()) {
    const double px = value->to_number<double>();
    if (px >= least && px <= kMaxSide) return {px, false};
  } else if (value->is_string()) {
    const std::string_view text = value->get_string();
    const auto percent =
        text.ends_with('%') ? parse_double(text.substr(0, text.size() - 1)) : std::nullopt;
    if (percent && *percent >= std::max(least, -100.0) && *percent <= 100) return {*percent, true};
  }
  in.refuse(key, "must be pixels (16) or a share of the picture (\"2.5%\")");
  return usual;
}

std::string colour_text(Rgb colour) {
  char text[16];
  std::snprintf(text, sizeof text, "#%06x", static_cast<unsigned>(colour));
  return text;
}

Rgb read_colour(ObjectReader& in, std::string_view key, Rgb usual) {
  const auto text = in.text(key, 16);
  if (!text) return usual;
  Rgb colour = 0;
  const char* const end = text->data() + text->size();
  if (text->size() == 7 && text->front() == '#') {
    const auto [stopped, problem] = std::from_chars(text->data() + 1, end, colour, 16);
    if (problem == std::errc() && stopped == end) return colour;
  }
  in.refuse(key, "must be a colour such as \"#ff8000\"");
  return usual;
}

Area read_area(const json::value& value, const std::string& path, ObjectReader& outer) {
  ObjectReader in(value, path);
  Area area;
  area.x = read_length(in, "x", 0);
  area.y = read_length(in, "y", 0);
  area.width = read_length(in, "width", 0);
  area.height = read_length(in, "height", 0);
  if (auto ok = in.finish(); !ok) outer.refuse(ok.error());
  return area;
}

Millis read_seconds(ObjectReader& in, std::string_view key) {
  return to_millis(in.number(key, 0, kMaxSeconds).value_or(0));
}

Watermark read_watermark(const json::value& value, const std::string& path, ObjectReader& outer) {
  ObjectReader in(value, path);
  Watermark mark;
  mark.image = in.text("image", kMaxUrl).value_or("");
  if (mark.image.empty()) in.refuse("image", "is required");
  mark.corner = in.choice<Corner>("corner").value_or(mark.corner);
  mark.x = read_length(in, "x", -kMaxSide);
  mark.y = read_length(in, "y", -kMaxSide);
  mark.width = read_length(in, "width", 0);
  mark.height = read_length(in, "height", 0);
  mark.opacity = in.number("opacity", 0, 1).value_or(1);
  mark.start = read_seconds(in, "start");
  mark.end = read_seconds(in, "end");
  if (mark.end > 0 && mark.end <= mark.start) in.refuse("end", "must be after start");
  if (auto ok = in.finish(); !ok) outer.refuse(ok.error());
  return mark;
}

json::object watermark_json(const Watermark& mark) {
  json::object o{{"image", mark.image}, {"corner", name_of(mark.corner)}};
  write_length(o, "x", mark.x);
  write_length(o, "y", mark.y);
  write_length(o, "width", mark.width);
  write_length(o, "height", mark.height);
  if (mark.opacity != 1) o["opacity"] = mark.opacity;
  if (mark.start > 0) o["start"] = static_cast<double>(mark.start) / 1000;
  if (mark.end > 0) o["end"] = static_cast<double>(mark.end) / 1000;
  return o;
}

double factor_of(const PictureSize& wanted, double w, double h) {
  if (wanted.short_side > 0) return wanted.short_side / std::min(w, h);
  if (wanted.width > 0 && wanted.height > 0) {
    return std::min(wanted.width / w, wanted.height / h);
  }
  if (wanted.width > 0) return wanted.width / w;
  return wanted.height > 0 ? wanted.height / h : 1.0;
}

}  // namespace

Dimensions fit(const PictureSize& wanted, Dimensions source) {
  if (wanted.fit != Fit::kInside) return {even(wanted.width), even(wanted.height)};
  const double w = std::max(1, source.width);
  const double h = std::max(1, source.height);
  const double factor = factor_of(wanted, w, h);
  // Rounding up to an even side would be enlarging.
  if (factor >= 1.0 && !wanted.enlarge) {
    return {std::max(2, source.width / 2 * 2), std::max(2, source.height / 2 * 2)};
  }
  return {even(w * factor), even(h * factor)};
}

void read_size(ObjectReader& in, PictureSize& size) {
  size.width = static_cast<int>(in.integer("width", 2, kMaxSide).value_or(0));
  size.height = static_cast<int>(in.integer("height", 2, kMaxSide).value_or(0));
  size.short_side = static_cast<int>(in.integer("short_side", 2, kMaxSide).value_or(0));
  size.enlarge = in.boolean("enlarge").value_or(false);
  size.fit = in.choice<Fit>("fit").value_or(Fit::kInside);
  if (size.fit != Fit::kInside && (size.width == 0 || size.height == 0)) {
    in.refuse("fit", std::string(name_of(size.fit)) + " needs both width and height");
  }
  if (size.short_side > 0 && (size.width > 0 || size.height > 0)) {
    in.refuse("short_side", "give either short_side or width and height, not both");
  }
}

void write_size(json::object& o, const PictureSize& size) {
  if (size.width > 0) o["width"] = size.width;
  if (size.height > 0) o["height"] = size.height;
  if (size.short_side > 0) o["short_side"] = size.short_side;
  if (size.enlarge) o["enlarge"] = true;
  if (size.fit != Fit::kInside) o["fit"] = name_of(size.fit);
}

void read_framing(ObjectReader& in, Framing& framing) {
  if (const auto* crop = in.any("crop")) framing.crop = read_area(*crop, in.path_of("crop"), in);
  framing.rotate = static_cast<int>(in.integer("rotate", 0, 270).value_or(0));
  if (framing.rotate % 90 != 0) in.refuse("rotate", "must be 0, 90, 180 or 270");
  framing.flip = in.choice<Flip>("flip").value_or(Flip::kNone);
  framing.background = read_colour(in, "background", 0);
}

void write_framing(json::object& o, const Framing& framing) {
  if (framing.crop) {
    json::object area;
    write_length(area, "x", framing.crop->x);
    write_length(area, "y", framing.crop->y);
    write_length(area, "width", framing.crop->width);
    write_length(area, "height", framing.crop->height);
    o["crop"] = std::move(area);
  }
  if (framing.rotate != 0) o["rotate"] = framing.rotate;
  if (framing.flip != Flip::kNone) o["flip"] = name_of(framing.flip);
  if (framing.background != 0) o["background"] = colour_text(framing.background);
}

std::vector<Watermark> read_watermarks(ObjectReader& in) {
  std::vector<Watermark> marks;
  const auto* list = in.array("watermarks", kMaxWatermarks);
  if (list == nullptr) return marks;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string path = in.path_of("watermarks") + "[" + std::to_string(i) + "]";
    marks.push_back(read_watermark((*list)[i], path, in));
  }
  return marks;
}

void write_watermarks(json::object& o, const std::vector<Watermark>& watermarks) {
  if (watermarks.empty()) return;
  json::array list;
  for (const Watermark& mark : watermarks) list.emplace_back(watermark_json(mark));
  o["watermarks"] = std::move(list);
}

std::optional<BurntSubtitles> read_burnt_subtitles(ObjectReader& outer) {
  const auto* value = outer.any("subtitles");
  if (value == nullptr || (value->is_bool() && !value->get_bool())) return std::nullopt;
  ObjectReader in(*value, outer.path_of("subtitles"));
  BurntSubtitles subtitles;
  subtitles.file = in.text("file", kMaxUrl).value_or("");
  subtitles.stream = static_cast<int>(in.integer("stream", 0, 999).value_or(-1));
  subtitles.language = in.text("language", 32).value_or("");
  const int named =
      (in.has("file") ? 1 : 0) + (in.has("stream") ? 1 : 0) + (in.has("language") ? 1 : 0);
  if (named > 1) in.refuse("file", "give only one of file, stream and language");
  subtitles.size = read_length(in, "size", 0.1, subtitles.size);
  subtitles.colour = read_colour(in, "colour", subtitles.colour);
  if (auto ok = in.finish(); !ok) outer.refuse(ok.error());
  return subtitles;
}

void write_burnt_subtitles(json::object& o, const std::optional<BurntSubtitles>& subtitles) {
  if (!subtitles) return;
  json::object inner;
  if (!subtitles->file.empty()) inner["file"] = subtitles->file;
  if (subtitles->stream >= 0) inner["stream"] = subtitles->stream;
  if (!subtitles->language.empty()) inner["language"] = subtitles->language;
  inner["size"] = length_json(subtitles->size);
  inner["colour"] = colour_text(subtitles->colour);
  o["subtitles"] = std::move(inner);
}

}  // namespace telecine
