#include "media/picture_set.h"

#include <algorithm>

namespace telecine::media {

Result<PictureSet> PictureSet::plan(const OutputSpec& spec, Dimensions display, Millis duration,
                                    OutputFiles& files) {
  auto moments = moments_of(spec, duration);
  if (!moments) return std::unexpected(moments.error());
  PictureSet made(spec, display, files);
  made.moments_ = std::move(*moments);
  if (spec.type == OutputType::kSprites) {
    std::ranges::sort(made.moments_);
    made.sprites_ = std::make_unique<SpriteSheets>(spec, display, made.moments_, duration, files);
  } else {
    made.stills_.resize(made.chooses() ? 1 : made.moments_.size());
  }
  return made;
}

Status PictureSet::take(std::size_t place, const AVFrame& frame) {
  if (sprites_) return sprites_->take(frame);
  return chooses() ? best_.offer(frame) : write(place, frame);
}

Status PictureSet::write(std::size_t place, const AVFrame& frame) {
  auto made =
      write_still(frame, spec_->still, display_, images_, *files_, still_name(*spec_, place));
  if (!made) return std::unexpected(made.error());
  stills_[place] = std::move(*made);
  return {};
}

Result<MadeOutput> PictureSet::finish() {
  if (sprites_) return sprites_->finish();
  if (const FramePtr chosen = best_.take()) {
    if (auto ok = write(0, *chosen); !ok) return std::unexpected(ok.error());
  }
  MadeOutput made;
  for (StillMade& still : stills_) made.files.push_back(std::move(still.file));
  made.facts = std::move(stills_.front().facts);
  return made;
}

}  // namespace telecine::media
