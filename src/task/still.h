#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "task/picture.h"

/// Pictures that stand still: covers, snapshots and sprites.
namespace telecine {

enum class ImageFormat : std::uint8_t { kJpeg, kPng };
template <>
inline constexpr auto kNames<ImageFormat> =
    std::to_array<Named<ImageFormat>>({{ImageFormat::kJpeg, "jpg"}, {ImageFormat::kPng, "png"}});

/// Where in the source a still is taken: a time, a share of the duration, or where it looks best.
/// The frame shown at that time is the one; past the end it is the last frame.
struct Position {
  std::optional<Millis> time;
  std::optional<double> percent;  ///< 0...100
  bool best = false;              ///< the best of pictures from all over the source
  bool operator==(const Position&) const = default;
};

struct StillOptions {
  Position at;  ///< default: 10 %
  PictureSize size;
  Framing framing;
  std::vector<Watermark> watermarks;  ///< their times do not count
  ImageFormat format = ImageFormat::kJpeg;
  int quality = 85;  ///< JPEG only, 1...100
  bool operator==(const StillOptions&) const = default;
};

/// Where the pictures of kSnapshots are taken. Exactly one member is set.
struct Sampling {
  std::vector<Millis> times;  ///< as asked for, in that order; a time past the end: the last frame
  Millis every = 0;           ///< at 0, every, 2 * every... before the end
  double every_percent = 0;   ///< of the duration, likewise from 0 on; (0, 100]
  bool operator==(const Sampling&) const = default;
};

/// How the sheets of kSprites are laid out. A picture keeps its shape, on black.
struct SpriteGrid {
  Dimensions tile{160, 90};
  int columns = 10;
  int rows = 10;
  bool operator==(const SpriteGrid&) const = default;
};

// Parts of an output's JSON object.

/// All of a still but the time it is taken at, and of sprites only how they are encoded.
StillOptions read_still(ObjectReader& in);
void write_still(json::object& o, const StillOptions& still);
void read_still_encoding(ObjectReader& in, StillOptions& still);
void write_still_encoding(json::object& o, const StillOptions& still);
Position read_position(ObjectReader& in);
json::value position_json(const Position& at);
/// `usual` is the distance when the request names nothing; 0: it must.
Sampling read_sampling(ObjectReader& in, Millis usual);
void write_sampling(json::object& o, const Sampling& sampling);
SpriteGrid read_grid(ObjectReader& in);
void write_grid(json::object& o, const SpriteGrid& grid);

}  // namespace telecine
