#include "media/drawn_clip.h"

#include <algorithm>

namespace telecine::media {

Result<std::unique_ptr<DrawnClip>> DrawnClip::create(OutputFiles& files, const std::string& name,
                                                     const VideoSettings& settings,
                                                     std::optional<DrawnSound> sound) {
  std::unique_ptr<DrawnClip> clip(new DrawnClip);
  clip->sound_ = std::move(sound);
  if (auto ok = clip->open(files, name, settings); !ok) return std::unexpected(ok.error());
  return clip;
}

Status DrawnClip::open(OutputFiles& files, const std::string& name, const VideoSettings& settings) {
  auto video = VideoEncoder::open(settings);
  if (!video) return std::unexpected(video.error());
  video_ = std::move(*video);
  auto muxer = FileMuxer::create(files, name, Container::kMp4);
  if (!muxer) return std::unexpected(muxer.error());
  muxer_ = std::move(*muxer);
  auto track = muxer_->add_track({video_->parameters(), kTicks, video_->frame_rate()});
  if (!track) return std::unexpected(track.error());
  video_out_.add({muxer_.get(), *track, &fate_});
  if (!sound_) return {};

  auto audio = AudioEncoder::open({}, DrawnSound::kRate, 2);
  if (!audio) return std::unexpected(audio.error());
  audio_ = std::move(*audio);
  track = muxer_->add_track({audio_->parameters(), audio_->time_base(), {0, 1}});
  if (!track) return std::unexpected(track.error());
  audio_out_.add({muxer_.get(), *track, &fate_});
  return {};
}

Status DrawnClip::add(FramePtr frame) {
  if (!std::exchange(started_, true)) {
    if (auto ok = muxer_->start(); !ok) return ok;
  }
  const Ticks end = frame->pts + frame->pkt_duration;
  if (auto ok = send(video_out_, video_->encode(std::move(frame))); !ok) return ok;
  return add_sound(av_rescale(end, DrawnSound::kRate, kTicksPerSecond));
}

Status DrawnClip::finish() {
  if (auto ok = send(video_out_, video_->finish()); !ok) return ok;
  if (audio_) {
    if (auto ok = add_sound(sound_->count); !ok) return ok;
    if (auto ok = send(audio_out_, audio_->finish()); !ok) return ok;
  }
  return muxer_->finish();
}

Status DrawnClip::add_sound(std::int64_t until) {
  while (audio_ && samples_ < std::min(until, sound_->count)) {
    const Ticks at = to_ticks(samples_, {1, DrawnSound::kRate});
    auto block = next_block(std::min(until, sound_->count));
    if (!block) return std::unexpected(block.error());
    if (auto ok = send(audio_out_, audio_->encode(**block, at)); !ok) return ok;
  }
  return {};
}

Result<FramePtr> DrawnClip::next_block(std::int64_t until) {
  constexpr std::int64_t kMost = 1024;
  FramePtr frame = make_frame();
  frame->format = AV_SAMPLE_FMT_FLTP;
  frame->sample_rate = DrawnSound::kRate;
  frame->nb_samples = static_cast<int>(std::min(kMost, until - samples_));
  av_channel_layout_default(&frame->ch_layout, 2);
  if (const int code = av_frame_get_buffer(frame.get(), 0); code < 0) {
    return std::unexpected(av_error(code, "sound cannot be made", ErrorCode::kResourceLimit));
  }
  auto* left = reinterpret_cast<float*>(frame->extended_data[0]);
  for (int i = 0; i < frame->nb_samples; ++i) left[i] = sound_->sample(samples_ + i);
  std::copy_n(left, frame->nb_samples, reinterpret_cast<float*>(frame->extended_data[1]));
  samples_ += frame->nb_samples;
  return frame;
}

Status DrawnClip::send(Distributor& out, const Result<std::vector<PacketPtr>>& packets) {
  if (!packets) return std::unexpected(packets.error());
  out.send(*packets);
  if (auto error = fate_.error()) return std::unexpected(*error);
  return {};
}

}  // namespace telecine::media
