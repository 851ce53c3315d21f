#pragma once

#include <map>
#include <string>
#include <vector>

#include "job/output_files.h"
#include "media/av.h"
#include "media/encoders.h"
#include "task/picture.h"

namespace telecine::media {

/// The images that outputs lay over their pictures, each read once. One thread.
class Images {
 public:
  explicit Images(OutputFiles& files) : files_(&files) {}
  /// RGBA, in its own size. kNotMedia for what is no image.
  Result<const AVFrame*> get(const std::string& asset);

 private:
  OutputFiles* files_;
  std::map<std::string, FramePtr> read_;
};

/// An image ready to be laid over pictures at its place.
struct Overlay {
  FramePtr image;
  int x = 0;
  int y = 0;
  Millis start = 0;
  Millis end = 0;  ///< 0: for ever
};

/// `size` is that of the pictures; `format` and `colour` are theirs, too.
Result<std::vector<Overlay>> overlays_of(const std::vector<Watermark>& marks, Dimensions size,
                                         AVPixelFormat format, const ColourTags& colour,
                                         Images& images);

/// libavfilter's filters that lay them over the pictures; their inputs are "image0" and so on.
std::string overlay_filters(const std::vector<Overlay>& overlays, AVPixelFormat format);

}  // namespace telecine::media
