#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "media/cadence.h"
#include "media/clock.h"
#include "media/input.h"

namespace telecine::media {

/// Takes 3:2 pulldown off: gives back the pictures of film that were spread over the fields of
/// video, evenly timed, where the cadence shows in them; pictures in which it does not pass as they
/// are, so that a source may go to and fro. Film is marked as progressive, but for what is combed.
/// Pictures are held back for five cycles. Where a stream only says that fields are to be repeated,
/// times are evened. One thread.
class Pulldown {
 public:
  /// `frame` is timed in ticks. One that cannot be of a telecine, as it is not one of some 30 a
  /// second or `is_video` is false, passes at once.
  Result<std::vector<FramePtr>> push(FramePtr frame, bool is_video);
  /// What was held back.
  Result<std::vector<FramePtr>> finish();

 private:
  struct Picture {
    FramePtr frame;
    FieldChange change;
  };
  Status give(bool is_last, std::vector<FramePtr>& out);
  void hand_out(FramePtr frame, std::vector<FramePtr>& out);
  void follow();

  std::deque<Picture> ahead_;
  Picture before_;           // the last one that was given out, as it came in
  std::int64_t number_ = 0;  // of the next one
  std::optional<Cadence> cadence_;
  std::optional<Ticks> last_;  // the time of the last one that was given out
};

/// Whether a stream shows the cadence in any of a few places of the file, which are decoded.
bool is_telecined(const Input& input, int stream);

}  // namespace telecine::media
