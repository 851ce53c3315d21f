#pragma once

#include <map>
#include <vector>

#include "media/clock.h"
#include "media/encoders.h"

namespace telecine::media {

/// Encodes pictures of one size. Packets carry ticks; their duration
/// is how long the picture is shown. One thread at a time.
class VideoEncoder {
 public:
  static Result<VideoEncoder> open(const VideoSettings& settings);
  VideoEncoder(VideoEncoder&&) = default;
  VideoEncoder& operator=(VideoEncoder&&) = default;
  ~VideoEncoder();

  /// `frame` has the size and pixel format of the settings, and `pts` in ticks, larger than the
  /// last one's. Without scene cuts the first frame at or after each multiple of the gop becomes
  /// a keyframe, so all encodes of one source cut at the same places.
  Result<std::vector<PacketPtr>> encode(FramePtr frame);
  /// The last picture is shown until `end` at least.
  void extend_to(Ticks end);
  Result<std::vector<PacketPtr>> finish();

  /// Ready for a muxer (headers out of band) as soon as the encoder is open.
  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational frame_rate() const { return context_->framerate; }
  std::int64_t frames() const { return frames_; }
  Ticks start() const { return first_; }
  Ticks end() const { return end_; }

 private:
  VideoEncoder() = default;
  Result<std::vector<PacketPtr>> receive_all();
  void emit(PacketPtr packet, std::vector<PacketPtr>& out);

  CodecContextPtr context_;
  CodecParametersPtr parameters_;
  Ticks gop_ = 0;  // distance of the keyframe grid; 0 leaves keyframes to the encoder
  Ticks next_key_ = 0;
  std::int64_t frames_ = 0;
  Ticks first_ = 0;
  Ticks last_ = 0;  // pts of the last picture
  Ticks end_ = 0;
  Ticks first_dts_ = 0;
  bool any_packet_ = false;
  std::map<Ticks, Ticks> shown_for_;  // of the pictures inside the encoder, by pts
  bool must_finish_ = false;
  PacketPtr held_;  // the newest packet waits for the next one: the last is treated specially
};

/// Resamples and encodes sound of one setting. Follows changes of the input in mid-stream, fills
/// gaps with silence and cuts overlaps so that sound stays where its timestamps put it. Packets
/// are in 1/sample_rate. One thread at a time.
class AudioEncoder {
 public:
  /// `source_rate` and `source_channels` resolve what the options leave open.
  static Result<AudioEncoder> open(const AudioOptions& options, int source_rate,
                                   int source_channels);

  Result<std::vector<PacketPtr>> encode(const AVFrame& frame, Ticks at);
  Result<std::vector<PacketPtr>> finish();

  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational time_base() const { return {1, context_->sample_rate}; }
  Ticks end() const { return to_ticks(first_ + taken_, time_base()); }
  Ticks start() const { return to_ticks(first_, time_base()); }

 private:
  AudioEncoder() = default;
  Status follow(const AVFrame& frame);
  Result<FramePtr> blank(int samples) const;
  Status add_silence(std::int64_t samples);
  Status convert(const AVFrame* frame);
  Status drain(bool all);
  Status send(const AVFrame* frame);

  CodecContextPtr context_;
  CodecParametersPtr parameters_;
  SwrPtr resampler_;
  ChannelLayout in_layout_;
  int in_rate_ = 0;
  int in_format_ = -1;
  AudioFifoPtr fifo_;
  bool started_ = false;
  std::int64_t first_ = 0;  // of the output, in samples
  std::int64_t taken_ = 0;  // samples put into the queue so far
  std::int64_t sent_ = 0;   // samples given to the encoder so far
  std::vector<PacketPtr> ready_;
};

}  // namespace telecine::media
