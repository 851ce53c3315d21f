#pragma once

#include "media/decode.h"
#include "media/output_files.h"
#include "task/output.h"

namespace telecine::media {

/// The moment a position means, from the start of the file.
Millis moment_of(const Position& at, Millis duration);

/// The upright picture shown at `at` (from the start of the file): the last one not later. Before
/// the first picture it is the first, past the end the last. Seeks, and decodes only what that
/// picture depends on. kDecodeFailed when nothing near it decodes.
Result<FramePtr> grab_frame(Input& input, const AVStream& stream, Millis at);

/// Picks the picture for a moment out of a passing decode. Frames come in order.
class FramePicker {
 public:
  explicit FramePicker(Ticks at) : at_(at) {}
  void offer(const AVFrame& frame);
  bool settled() const { return settled_; }
  /// Null when no frame came at all.
  const AVFrame* frame() const { return best_.get(); }

 private:
  Ticks at_;
  bool settled_ = false;
  FramePtr best_;
};

/// Scales, encodes and writes one picture as "<name>.jpg" or "<name>.png". `display` is the size a
/// viewer sees the source in.
struct StillMade {
  OutputFile file;
  MediaFacts facts;
};
Result<StillMade> write_still(const AVFrame& frame, const StillOptions& options, Dimensions display,
                              OutputFiles& files, const std::string& name);

}  // namespace telecine::media
