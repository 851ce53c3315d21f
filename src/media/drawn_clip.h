#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "media/branch.h"
#include "media/encode.h"
#include "media/mux.h"

namespace telecine::media {

/// Sound that is computed: the same in both channels.
struct DrawnSound {
  static constexpr int kRate = 48'000;
  std::function<float(std::int64_t index)> sample;
  std::int64_t count = 0;
};

/// Writes a clip whose pictures and sound are computed: H.264 (+ AAC) in MP4. One thread.
class DrawnClip {
 public:
  static Result<std::unique_ptr<DrawnClip>> create(OutputFiles& files, const std::string& name,
                                                   const VideoSettings& settings,
                                                   std::optional<DrawnSound> sound);

  /// Before the first picture.
  void tag(const char* key, const std::string& text) { muxer_->tag(key, text); }
  /// `frame->pts` and `pkt_duration` are in the pipeline's ticks; sound goes in with its pictures.
  Status add(FramePtr frame);
  Status finish();
  /// Of the file; once `finish` is through.
  int fd() const { return muxer_->fd(); }

 private:
  DrawnClip() = default;
  Status open(OutputFiles& files, const std::string& name, const VideoSettings& settings);
  Result<FramePtr> next_block(std::int64_t until);
  Status add_sound(std::int64_t until);
  Status send(Distributor& out, const Result<std::vector<PacketPtr>>& packets);

  Fate fate_;
  std::optional<VideoEncoder> video_;
  std::optional<AudioEncoder> audio_;
  std::unique_ptr<FileMuxer> muxer_;
  Distributor video_out_;
  Distributor audio_out_;
  std::optional<DrawnSound> sound_;
  std::int64_t samples_ = 0;  // added so far
  bool started_ = false;
};

}  // namespace telecine::media
