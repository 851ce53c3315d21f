#pragma once

#include <string>
#include <vector>

#include "media/av.h"
#include "media/describe.h"
#include "task/rendition.h"

namespace telecine::media {

/// Filter text that turns a stored picture upright; empty when it is.
std::string orientation_filters(const Orientation& orientation);

/// Makes pictures upright and progressive: applies the stored orientation, and deinterlaces: with
/// kAuto from the first picture on that its decoder found interlaced, and only such. Pictures that
/// need neither pass untouched. One picture out for each in, timestamps kept, though deinterlacing
/// holds one back. One thread.
class Normaliser {
 public:
  explicit Normaliser(Orientation orientation, Deinterlace wanted = Deinterlace::kAuto)
      : orientation_(orientation), wanted_(wanted) {}

  /// `frame->pts` and `pkt_duration` are in the pipeline's ticks.
  Result<std::vector<FramePtr>> push(FramePtr frame);
  /// What was held back.
  Result<std::vector<FramePtr>> finish();

 private:
  Status build(const AVFrame& frame);
  Result<std::vector<FramePtr>> drain();

  Orientation orientation_;
  Deinterlace wanted_;
  bool interlaced_ = false;
  FilterGraphPtr graph_;
  AVFilterContext* source_ = nullptr;  // owned by graph_
  AVFilterContext* sink_ = nullptr;    // owned by graph_
  int width_ = 0;
  int height_ = 0;
  int format_ = -1;
};

}  // namespace telecine::media
