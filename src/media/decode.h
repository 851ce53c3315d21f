#pragma once

#include <functional>

#include "media/clock.h"
#include "media/input.h"

namespace telecine::media {

/// From one picture to the next, where a stream says nothing about it.
Ticks usual_step_of(const AVStream& stream);

/// Whether all of the picture was there, and nothing in it made up.
bool is_undamaged(const AVFrame& frame);

/// Packets that a decoder is given until it shows the first picture; more are never held back for
/// their order.
inline constexpr int kMostHeldBack = 40;

/// What a decoder had to put up with.
struct DecodeTally {
  std::int64_t packets = 0;
  std::int64_t failures = 0;  ///< packets that gave an error
  std::int64_t frames = 0;
  int last_code = 0;  ///< libav's, of the last of these

  /// What was wrong, for people; empty when nothing was.
  std::string trouble() const;
};

/// Decodes one video stream to pictures as they are stored, with sound timestamps: `pts` strictly
/// increases from 0 up in ticks and `pkt_duration` is positive. Single damaged packets are passed
/// over, as players do, and counted. One thread.
class VideoDecoder {
 public:
  using Sink = std::function<Status(FramePtr)>;

  /// `zero` is the ticks of the stream's clock that become 0. `sink` gets each picture.
  static Result<VideoDecoder> open(const AVStream& stream, int threads, Ticks zero, Sink sink);

  /// Fails only with what `sink` returned or what no later packet could mend. One that does not
  /// count, as of a run-up, is left out of the tally.
  Status decode(const AVPacket& packet, bool counts = true);
  /// The end of the stream: hands out all that is held.
  Status finish();
  const DecodeTally& tally() const { return tally_; }
  /// End of the last picture.
  Ticks end() const { return end_; }

 private:
  VideoDecoder(const AVStream& stream, CodecContextPtr context, Ticks zero, Sink sink);
  Status send(const AVPacket* packet);
  Status receive_all();
  void repair_time(AVFrame& frame);

  CodecContextPtr context_;
  AVRational time_base_;
  Ticks zero_;
  Ticks usual_step_;
  bool rounds_;  ///< the container's clock is no finer than a millisecond
  Ticks last_ = -1;
  Ticks end_ = 0;
  Sink sink_;
  DecodeTally tally_;
  bool counts_ = true;
};

/// Decodes one audio stream. Frames come with the ticks of their first sample; gaps and overlaps
/// are the encoder's to mend. One thread.
class AudioDecoder {
 public:
  using Sink = std::function<Status(const AVFrame&, Ticks)>;

  static Result<AudioDecoder> open(const AVStream& stream, Ticks zero, Sink sink);

  Status decode(const AVPacket& packet);
  Status finish();
  const DecodeTally& tally() const { return tally_; }
  Ticks end() const { return next_; }

 private:
  AudioDecoder(const AVStream& stream, CodecContextPtr context, Ticks zero, Sink sink);
  Status send(const AVPacket* packet);
  Status receive_all();

  CodecContextPtr context_;
  AVRational time_base_;
  Ticks zero_;
  Ticks next_ = 0;
  Sink sink_;
  DecodeTally tally_;
};

}  // namespace telecine::media
