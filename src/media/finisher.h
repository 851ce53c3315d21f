#pragma once

#include <functional>
#include <list>
#include <optional>

#include "media/encoders.h"
#include "media/filter_chain.h"
#include "media/overlay.h"
#include "media/scale.h"
#include "media/subtitle_painter.h"

namespace telecine::media {

/// What is drawn on pictures of one size.
struct Drawings {
  std::vector<Overlay> overlays;
  std::unique_ptr<SubtitlePainter> subtitles;  ///< above them
  bool any() const { return !overlays.empty() || subtitles; }
};

/// Brings scaled pictures to what an encoder takes: turned, on their ground, drawn on, in its
/// format. Where nothing of that is wanted they pass as they are. One thread.
class Finisher {
 public:
  using Sink = std::function<Status(FramePtr)>;

  Finisher(const VideoSettings& settings, Drawings drawings, Sink sink);
  Finisher(const Finisher&) = delete;  // its chains know where they are
  Finisher& operator=(const Finisher&) = delete;

  /// `pts` and `pkt_duration` are in ticks.
  Status push(FramePtr frame);
  /// Hands out what filters held back.
  Status finish();

  /// What the pictures pushed are to be.
  static PictureFormat takes(const VideoSettings& settings, bool draws);

 private:
  void add_chain(std::string filters, Sink sink, std::vector<FramePtr> images = {});
  Status lay(FramePtr frame);
  Status paint(FramePtr frame);
  Status convert(FramePtr frame);

  Sink sink_;
  Ground ground_;
  std::unique_ptr<SubtitlePainter> subtitles_;
  std::optional<Scaler> last_;     // to a format nothing can be drawn on
  std::list<FilterChain> chains_;  // in the order pictures pass them
  FilterChain* turning_ = nullptr;
  FilterChain* drawing_ = nullptr;
  FilterChain* codec_ = nullptr;  // the codec's own
};

}  // namespace telecine::media
