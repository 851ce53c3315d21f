#pragma once

#include <memory>
#include <vector>

#include "job/job.h"
#include "media/best_picture.h"
#include "media/sprites.h"
#include "media/still.h"

namespace telecine::media {

inline bool takes_pictures(const OutputSpec& spec) {
  return spec.type == OutputType::kCover || spec.type == OutputType::kSnapshots ||
         spec.type == OutputType::kSprites;
}

/// The pictures of one output that is made of single moments of the source: a cover, snapshots or
/// sprites. Whoever has a picture gives it; how it was found is not known here. One thread.
class PictureSet {
 public:
  /// `display` is the size a viewer sees the source in. `spec` and `files` must outlive this.
  /// kResourceLimit for too many pictures.
  static Result<PictureSet> plan(const OutputSpec& spec, Dimensions display, Millis duration,
                                 OutputFiles& files);

  /// From the start of the file, in the order of the places. Sprites have theirs in order of time.
  const std::vector<Millis>& moments() const { return moments_; }
  /// The picture for the moment at `place`; each place once, sprites in order.
  Status take(std::size_t place, const AVFrame& frame);
  Result<MadeOutput> finish();

  /// Whether one of the pictures is enough, and whether there is one.
  bool chooses() const { return spec_->type == OutputType::kCover && spec_->still.at.best; }
  bool any() const { return best_.any(); }

 private:
  Status write(std::size_t place, const AVFrame& frame);
  PictureSet(const OutputSpec& spec, Dimensions display, OutputFiles& files)
      : spec_(&spec), display_(display), files_(&files), images_(files) {}

  const OutputSpec* spec_;
  Dimensions display_;
  OutputFiles* files_;
  Images images_;
  std::vector<Millis> moments_;
  std::vector<StillMade> stills_;          // by place, or the chosen one; not of sprites
  std::unique_ptr<SpriteSheets> sprites_;  // of sprites only
  BestPicture best_;                       // of a cover that is chosen
};

}  // namespace telecine::media
