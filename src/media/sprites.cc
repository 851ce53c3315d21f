#include "media/sprites.h"

#include <algorithm>
#include <cstdio>

#include "media/tone_map.h"

namespace telecine::media {
namespace {

Dimensions inside(Dimensions tile, Dimensions display) {
  return fit({.width = tile.width, .height = tile.height, .enlarge = true}, display);
}

}  // namespace

SpriteSheets::SpriteSheets(const OutputSpec& spec, Dimensions display, std::vector<Millis> moments,
                           Millis duration, OutputFiles& files)
    : spec_(spec),
      moments_(std::move(moments)),
      duration_(duration),
      files_(files),
      scaler_(inside(spec.sprites.tile, display), {AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG}) {}

std::size_t SpriteSheets::per_sheet() const {
  return static_cast<std::size_t>(spec_.sprites.columns) *
         static_cast<std::size_t>(spec_.sprites.rows);
}

Box SpriteSheets::place_of(std::size_t index) const {
  const SpriteGrid& grid = spec_.sprites;
  const int at = static_cast<int>(index % per_sheet());
  return {at % grid.columns * grid.tile.width, at / grid.columns * grid.tile.height,
          grid.tile.width, grid.tile.height};
}

Status SpriteSheets::take(const AVFrame& frame) {
  const SpriteGrid& grid = spec_.sprites;
  if (!sheet_) {
    sheet_.emplace(Dimensions{grid.columns * grid.tile.width, grid.rows * grid.tile.height});
  }
  auto shown = as_sdr(share(frame));
  if (!shown) return std::unexpected(shown.error());
  auto small = scaler_.scale(**shown);
  if (!small) return std::unexpected(small.error());
  const Box box = place_of(taken_++);
  sheet_->put(**small, box.x + (box.width - (*small)->width) / 2,
              box.y + (box.height - (*small)->height) / 2);
  return taken_ % per_sheet() == 0 ? write_sheet() : Status();
}

Status SpriteSheets::write_sheet() {
  auto picture = sheet_->to_rgb();
  if (!picture) return std::unexpected(picture.error());
  StillOptions still = spec_.still;
  Images images(files_);
  const Dimensions size = sheet_->size();
  still.size = {.width = size.width, .height = size.height, .fit = Fit::kStretch};
  auto made =
      write_still(**picture, still, size, images, files_, still_name(spec_, sheets_.size()));
  if (!made) return std::unexpected(made.error());
  sheets_.push_back(std::move(*made));
  sheet_.reset();
  return {};
}

std::string SpriteSheets::cues() const {
  std::string out = "WEBVTT\n";
  for (std::size_t i = 0; i < taken_; ++i) {
    const Millis from = i == 0 ? 0 : moments_[i];
    const Millis next = i + 1 < taken_ ? moments_[i + 1] : duration_;
    const std::string& sheet = sheets_[i / per_sheet()].file.name;
    const Box box = place_of(i);
    char part[64];
    std::snprintf(part, sizeof part, "#xywh=%d,%d,%d,%d\n", box.x, box.y, box.width, box.height);
    out += "\n" + webvtt_time(from) + " --> " + webvtt_time(std::max(next, from + 1)) + "\n" +
           sheet.substr(sheet.rfind('/') + 1) + part;
  }
  return out;
}

Result<MadeOutput> SpriteSheets::finish() {
  if (sheet_) {
    if (auto ok = write_sheet(); !ok) return std::unexpected(ok.error());
  }
  const std::string name = spec_.name + "/index.vtt";
  const std::string text = cues();
  auto fd = files_.create(name);
  if (!fd) return std::unexpected(fd.error());
  if (auto ok = write_whole(fd->get(), text); !ok) return std::unexpected(ok.error());
  MadeOutput made;
  made.files.push_back({name, {}, kWebVttType, static_cast<std::int64_t>(text.size()), {}});
  made.facts = sheets_.front().facts;
  for (StillMade& sheet : sheets_) made.files.push_back(std::move(sheet.file));
  return made;
}

}  // namespace telecine::media
