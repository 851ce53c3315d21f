#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "job/output_files.h"
#include "media/decode.h"
#include "media/overlay.h"
#include "task/output.h"

namespace telecine::media {

/// The moments at which a cover, snapshots or sprites are taken, from the start of the file and in
/// the order asked for; of the best cover those of all that it is chosen from. kResourceLimit for
/// too many.
Result<std::vector<Millis>> moments_of(const OutputSpec& spec, Millis duration);

/// The upright picture shown at `at` (from the start of the file): the last one not later. Before
/// the first picture it is the first, past the end the last. Seeks, and decodes only what that
/// picture depends on. kDecodeFailed when nothing near it decodes.
Result<FramePtr> grab_frame(Input& input, const AVStream& stream, Millis at,
                            bool keeps_alpha = false);

/// Picks the pictures for some moments out of a passing decode. Frames come in order; each picture
/// is handed out, with its moment's place in the list, as soon as it is known, and not kept.
class FramePicker {
 public:
  using Take = std::function<Status(std::size_t place, const AVFrame& frame)>;

  explicit FramePicker(const std::vector<Ticks>& moments);
  Status offer(const AVFrame& frame, const Take& take);
  /// The moments still open get the last frame. kDecodeFailed when no frame came at all.
  Status finish(const Take& take);
  bool settled() const { return next_ == order_.size(); }

 private:
  std::vector<std::pair<Ticks, std::size_t>> order_;  // by moment
  std::size_t next_ = 0;
  FramePtr last_;
};

/// Name of a still without its extension: "<output>", and of snapshots and sheets "<output>/00001".
std::string still_name(const OutputSpec& spec, std::size_t place);

/// Frames, encodes and writes one picture as "<name>.jpg" or "<name>.png". `display` is the size a
/// viewer sees the source in.
struct StillMade {
  OutputFile file;
  MediaFacts facts;
};
Result<StillMade> write_still(const AVFrame& frame, const StillOptions& options, Dimensions display,
                              Images& images, OutputFiles& files, const std::string& name);

}  // namespace telecine::media
