#include "task/still.h"

#include "base/text.h"

namespace telecine {

Position read_position(ObjectReader& in) {
  Position at;
  const auto* value = in.any("at");
  if (value == nullptr) {
    at.percent = 10;
    return at;
  }
  if (value->is_number()) {
    const double seconds = value->to_number<double>();
    if (seconds < 0 || seconds > kMaxSeconds)
      in.refuse("at", "must be from 0 to 604800 seconds");
    else
      at.time = to_millis(seconds);
    return at;
  }
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    at.best = text == "best";
    if (at.best) return at;
    if (text.ends_with('%')) at.percent = parse_double(text.substr(0, text.size() - 1));
    if (at.percent && *at.percent >= 0 && *at.percent <= 100) return at;
  }
  in.refuse("at", "must be seconds (3.5), a share of the duration (\"10%\") or \"best\"");
  return at;
}

json::value position_json(const Position& at) {
  if (at.best) return "best";
  if (at.time) return to_seconds(*at.time);
  std::string text = std::to_string(at.percent.value_or(10));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return json::value(text + "%");
}

void read_still_encoding(ObjectReader& in, StillOptions& still) {
  still.format = in.choice<ImageFormat>("format").value_or(still.format);
  still.quality = static_cast<int>(in.integer("quality", 1, 100).value_or(still.quality));
}

void write_still_encoding(json::object& o, const StillOptions& still) {
  o["format"] = name_of(still.format);
  o["quality"] = still.quality;
}

StillOptions read_still(ObjectReader& in) {
  StillOptions still;
  read_size(in, still.size);
  read_framing(in, still.framing);
  still.watermarks = read_watermarks(in);
  read_still_encoding(in, still);
  return still;
}

void write_still(json::object& o, const StillOptions& still) {
  write_size(o, still.size);
  write_framing(o, still.framing);
  write_watermarks(o, still.watermarks);
  write_still_encoding(o, still);
}

Sampling read_sampling(ObjectReader& in, Millis usual) {
  constexpr std::size_t kMaxTimes = 1000;
  Sampling sampling;
  if (const auto* times = in.array("times", kMaxTimes)) {
    if (times->empty()) in.refuse("times", "names no time");
    for (const auto& time : *times) {
      const double seconds = time.is_number() ? time.to_number<double>() : -1;
      if (seconds < 0 || seconds > kMaxSeconds) {
        in.refuse("times", "must be a list of seconds, each from 0 to 604800");
        break;
      }
      sampling.times.push_back(to_millis(seconds));
    }
  }
  sampling.every = to_millis(in.number("every", 0.1, kMaxSeconds).value_or(0));
  sampling.every_percent = in.number("every_percent", 0.1, 100).value_or(0);
  if (usual > 0 && !in.has("times") && !in.has("every") && !in.has("every_percent")) {
    sampling.every = usual;
  }
  const int given = (in.has("times") ? 1 : 0) + (sampling.every > 0 ? 1 : 0) +
                    (sampling.every_percent > 0 ? 1 : 0);
  if (given != 1) in.refuse("every", "give one of times, every and every_percent");
  return sampling;
}

void write_sampling(json::object& o, const Sampling& sampling) {
  if (!sampling.times.empty()) {
    json::array times;
    for (const Millis time : sampling.times) times.emplace_back(to_seconds(time));
    o["times"] = std::move(times);
  }
  if (sampling.every > 0) o["every"] = to_seconds(sampling.every);
  if (sampling.every_percent > 0) o["every_percent"] = sampling.every_percent;
}

SpriteGrid read_grid(ObjectReader& in) {
  constexpr int kMaxTile = 1024;
  constexpr int kMaxCount = 64;
  SpriteGrid grid;
  grid.tile.width = static_cast<int>(in.integer("width", 8, kMaxTile).value_or(grid.tile.width));
  grid.tile.height = static_cast<int>(in.integer("height", 8, kMaxTile).value_or(grid.tile.height));
  grid.columns = static_cast<int>(in.integer("columns", 1, kMaxCount).value_or(grid.columns));
  grid.rows = static_cast<int>(in.integer("rows", 1, kMaxCount).value_or(grid.rows));
  for (const auto& [name, side] :
       {std::pair("width", grid.tile.width), {"height", grid.tile.height}}) {
    if (side % 2 != 0) in.refuse(name, "must be even");
  }
  if (grid.columns * grid.tile.width > kMaxSide) {
    in.refuse("columns", "makes sheets wider than 8192 pixels");
  }
  if (grid.rows * grid.tile.height > kMaxSide) {
    in.refuse("rows", "makes sheets higher than 8192 pixels");
  }
  return grid;
}

void write_grid(json::object& o, const SpriteGrid& grid) {
  o["width"] = grid.tile.width;
  o["height"] = grid.tile.height;
  o["columns"] = grid.columns;
  o["rows"] = grid.rows;
}

}  // namespace telecine
