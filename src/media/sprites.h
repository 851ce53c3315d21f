#pragma once

#include <optional>
#include <vector>

#include "job/job.h"
#include "media/canvas.h"
#include "media/scale.h"
#include "media/still.h"

namespace telecine::media {

inline constexpr const char* kWebVttType = "text/vtt";

/// Sheets of small pictures, left to right and top to bottom, and the WebVTT file that says which
/// part of which sheet is shown when ("00001.jpg#xywh=142,0,142,80", W3C Media Fragments). All
/// sheets have the full size; places without a picture stay black. One thread.
class SpriteSheets {
 public:
  /// `moments` in order, and the source's length. `spec` and `files` must outlive this.
  SpriteSheets(const OutputSpec& spec, Dimensions display, std::vector<Millis> moments,
               Millis duration, OutputFiles& files);

  /// The picture for the next moment.
  Status take(const AVFrame& frame);
  Result<MadeOutput> finish();

 private:
  std::size_t per_sheet() const;
  Status write_sheet();
  std::string cues() const;
  Box place_of(std::size_t index) const;

  const OutputSpec& spec_;
  const std::vector<Millis> moments_;
  const Millis duration_;
  OutputFiles& files_;
  Scaler scaler_;
  std::optional<Canvas> sheet_;
  std::size_t taken_ = 0;
  std::vector<StillMade> sheets_;
};

}  // namespace telecine::media
