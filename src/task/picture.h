#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "base/time.h"

namespace telecine {

inline constexpr int kMaxSide = 8192;           ///< of pictures that are asked for, px
inline constexpr double kMaxSeconds = 604'800;  ///< of a source that requests can point into

/// The nearest side that encoders of 4:2:0 take.
inline int even(double side) {
  return std::max(2, static_cast<int>(std::lround(side / 2)) * 2);
}

struct Dimensions {
  int width = 0;
  int height = 0;
  bool operator==(const Dimensions&) const = default;
};

/// How a picture meets a size that names both sides.
enum class Fit : std::uint8_t {
  kInside,   ///< as large as fits inside, its aspect kept: one side may come out smaller
  kCrop,     ///< fills it, its aspect kept; what hangs over is cut off evenly
  kStretch,  ///< just these sides, whatever becomes of the aspect
  kPad,      ///< as kInside, in the middle of a plain ground of that size
};
template <>
inline constexpr auto kNames<Fit> = std::to_array<Named<Fit>>(
    {{Fit::kInside, "fit"}, {Fit::kCrop, "crop"}, {Fit::kStretch, "stretch"}, {Fit::kPad, "pad"}});

/// Size of the picture a viewer sees, in px. At most one way of naming it: width, height, both, or
/// the short side. None: the source's size. The result is even in both directions. Where one side
/// is open, and with kInside, it is never larger than the source unless `enlarge`.
struct PictureSize {
  int width = 0;
  int height = 0;
  int short_side = 0;
  bool enlarge = false;
  Fit fit = Fit::kInside;  ///< others than kInside need both width and height
  bool operator==(const PictureSize&) const = default;
};

/// The size `wanted` means for a displayed source of the given size.
Dimensions fit(const PictureSize& wanted, Dimensions source);

/// A distance in a picture: px, or a share of its width or height in percent.
struct Length {
  double value = 0;
  bool percent = false;
  double of(double whole) const { return percent ? whole * value / 100 : value; }
  bool operator==(const Length&) const = default;
};

/// A part of the displayed source. Sides of 0 reach to its far edges.
struct Area {
  Length x;
  Length y;
  Length width;
  Length height;
  bool operator==(const Area&) const = default;
};

enum class Flip : std::uint8_t { kNone, kHorizontal, kVertical };
template <>
inline constexpr auto kNames<Flip> = std::to_array<Named<Flip>>(
    {{Flip::kNone, "none"}, {Flip::kHorizontal, "horizontal"}, {Flip::kVertical, "vertical"}});

/// 0xRRGGBB.
using Rgb = std::uint32_t;

/// What becomes of the upright picture, in this order, before it meets its size.
struct Framing {
  std::optional<Area> crop;
  int rotate = 0;  ///< degrees clockwise: 0, 90, 180 or 270
  Flip flip = Flip::kNone;
  Rgb background = 0;  ///< the ground of Fit::kPad
  bool operator==(const Framing&) const = default;
};

enum class Corner : std::uint8_t { kTopLeft, kTopRight, kBottomLeft, kBottomRight, kCentre };
template <>
inline constexpr auto kNames<Corner> =
    std::to_array<Named<Corner>>({{Corner::kTopLeft, "top_left"},
                                  {Corner::kTopRight, "top_right"},
                                  {Corner::kBottomLeft, "bottom_left"},
                                  {Corner::kBottomRight, "bottom_right"},
                                  {Corner::kCentre, "centre"}});

/// A picture laid over every picture of an output.
struct Watermark {
  std::string image;  ///< where it is, in the terms of a task's input
  Corner corner = Corner::kTopRight;
  Length x;       ///< distance from the corner's edges inwards; from the centre to the right
  Length y;       ///< likewise; from the centre downwards
  Length width;   ///< of it, as a share of the output's; 0 follows from the height
  Length height;  ///< both 0: the image's own size
  double opacity = 1;
  Millis start = 0;  ///< on the output's clock
  Millis end = 0;    ///< 0: to its end
  bool operator==(const Watermark&) const = default;
};

/// Subtitles drawn into the pictures: from a file of their own, or a stream of the source.
struct BurntSubtitles {
  std::string file;        ///< SubRip, WebVTT or ASS, in the terms of a task's input; or else
  int stream = -1;         ///< the place among the source's subtitle streams; -1: by language
  std::string language{};  ///< "eng"; empty: the default stream, else the first
  Length size{5, true};    ///< of the letters, of the picture's height; ASS has sizes of its own
  Rgb colour = 0xffffff;
  bool operator==(const BurntSubtitles&) const = default;
};

// Parts of a JSON object. What is usual is left out when written.

void read_size(ObjectReader& in, PictureSize& size);
void write_size(json::object& o, const PictureSize& size);
void read_framing(ObjectReader& in, Framing& framing);
void write_framing(json::object& o, const Framing& framing);
std::vector<Watermark> read_watermarks(ObjectReader& in);
void write_watermarks(json::object& o, const std::vector<Watermark>& watermarks);
std::optional<BurntSubtitles> read_burnt_subtitles(ObjectReader& in);
void write_burnt_subtitles(json::object& o, const std::optional<BurntSubtitles>& subtitles);

}  // namespace telecine
