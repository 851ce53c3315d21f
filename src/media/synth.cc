#include "media/synth.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <optional>

#include "media/branch.h"
#include "media/encode.h"
#include "media/mux.h"

namespace telecine::media {
namespace {

constexpr int kSampleRate = 48'000;
constexpr int kSoundBlock = 1024;
constexpr double kBeepSeconds = 0.06;

// Where something bouncing between 0 and `span` is.
int bounce(double travelled, int span) {
  if (span <= 0) return 0;
  const double at = std::fmod(travelled, 2.0 * span);
  return static_cast<int>(at < span ? at : 2.0 * span - at);
}

void fill(AVFrame& frame, int plane, int x, int y, int width, int height, std::uint8_t value) {
  for (int line = y; line < y + height; ++line) {
    std::memset(frame.data[plane] + static_cast<std::ptrdiff_t>(line) * frame.linesize[plane] + x,
                value, static_cast<std::size_t>(width));
  }
}

void draw_bars(AVFrame& frame, double at) {
  const int shift = static_cast<int>(at * 60);
  for (int y = 0; y < frame.height; ++y) {
    std::uint8_t* line = frame.data[0] + static_cast<std::ptrdiff_t>(y) * frame.linesize[0];
    for (int x = 0; x < frame.width; ++x) {
      line[x] =
          static_cast<std::uint8_t>(32 + ((x + shift) % 256) * 160 / 256 + (y * 32 / frame.height));
    }
  }
  const int bars = 8;
  for (int y = 0; y < frame.height / 2; ++y) {
    std::uint8_t* u = frame.data[1] + static_cast<std::ptrdiff_t>(y) * frame.linesize[1];
    std::uint8_t* v = frame.data[2] + static_cast<std::ptrdiff_t>(y) * frame.linesize[2];
    for (int x = 0; x < frame.width / 2; ++x) {
      const int bar = ((x + shift / 2) * bars / std::max(1, frame.width / 2)) % bars;
      u[x] = static_cast<std::uint8_t>(64 + bar * 16);
      v[x] = static_cast<std::uint8_t>(192 - bar * 16);
    }
  }
}

void draw(AVFrame& frame, double at, bool flash) {
  if (flash) {
    fill(frame, 0, 0, 0, frame.width, frame.height, 235);
    fill(frame, 1, 0, 0, frame.width / 2, frame.height / 2, 128);
    fill(frame, 2, 0, 0, frame.width / 2, frame.height / 2, 128);
    return;
  }
  draw_bars(frame, at);
  const int side = std::max(4, std::min(frame.width, frame.height) / 6) & ~1;
  const int x = bounce(at * frame.width / 4, frame.width - side) & ~1;
  const int y = bounce(at * frame.height / 3, frame.height - side) & ~1;
  fill(frame, 0, x, y, side, side, 220);
  fill(frame, 1, x / 2, y / 2, side / 2, side / 2, 90);
  fill(frame, 2, x / 2, y / 2, side / 2, side / 2, 200);
}

float sample_at(std::int64_t index) {
  const double at = static_cast<double>(index) / kSampleRate;
  const bool beeps = at - std::floor(at) < kBeepSeconds;
  const double pitch = beeps ? 1000 : 220;
  const double loudness = beeps ? 0.5 : 0.02;
  return static_cast<float>(loudness * std::sin(2 * std::numbers::pi * pitch * at));
}

Result<FramePtr> picture(const SynthOptions& options) {
  FramePtr frame = make_frame();
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = options.width;
  frame->height = options.height;
  if (const int code = av_frame_get_buffer(frame.get(), 0); code < 0) {
    return std::unexpected(av_error(code, "a picture cannot be made", ErrorCode::kResourceLimit));
  }
  return frame;
}

Result<FramePtr> sound_block(std::int64_t first) {
  FramePtr frame = make_frame();
  frame->format = AV_SAMPLE_FMT_FLTP;
  frame->sample_rate = kSampleRate;
  frame->nb_samples = kSoundBlock;
  av_channel_layout_default(&frame->ch_layout, 2);
  if (const int code = av_frame_get_buffer(frame.get(), 0); code < 0) {
    return std::unexpected(av_error(code, "sound cannot be made", ErrorCode::kResourceLimit));
  }
  for (int channel = 0; channel < 2; ++channel) {
    auto* samples = reinterpret_cast<float*>(frame->extended_data[channel]);
    for (int i = 0; i < kSoundBlock; ++i) samples[i] = sample_at(first + i);
  }
  return frame;
}

// The parts of one synthesis.
class Synth {
 public:
  Synth(const SynthOptions& options, OutputFiles& files, const std::string& name)
      : options_(options), files_(files), name_(name) {}

  Status make() {
    if (auto ok = open(); !ok) return ok;
    const auto frames = static_cast<std::int64_t>(std::llround(options_.seconds * options_.fps));
    for (std::int64_t i = 0; i < frames; ++i) {
      const double at = static_cast<double>(i) / options_.fps;
      if (auto ok = add_picture(i, at); !ok) return ok;
      while (audio_ && static_cast<double>(samples_) / kSampleRate < at) {
        if (auto ok = add_sound(); !ok) return ok;
      }
    }
    return finish();
  }

 private:
  Status open() {
    VideoSettings settings;
    settings.options.preset = Preset::kVeryfast;
    settings.options = normalised(settings.options, OutputType::kVideo);
    settings.size = {options_.width, options_.height};
    settings.frame_rate = av_d2q(options_.fps, 100'000);
    settings.colour = {AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709};
    auto video = VideoEncoder::open(settings);
    if (!video) return std::unexpected(video.error());
    video_ = std::move(*video);
    auto muxer = FileMuxer::create(files_, name_, Container::kMp4);
    if (!muxer) return std::unexpected(muxer.error());
    muxer_ = std::move(*muxer);
    auto track = muxer_->add_track({video_->parameters(), kTicks, video_->frame_rate()});
    if (!track) return std::unexpected(track.error());
    video_out_.add({muxer_.get(), *track, &fate_});
    if (!options_.audio) return muxer_->start();

    auto audio = AudioEncoder::open({}, kSampleRate, 2);
    if (!audio) return std::unexpected(audio.error());
    audio_ = std::move(*audio);
    track = muxer_->add_track({audio_->parameters(), audio_->time_base(), {0, 1}});
    if (!track) return std::unexpected(track.error());
    audio_out_.add({muxer_.get(), *track, &fate_});
    return muxer_->start();
  }

  Status send(Distributor& out, Result<std::vector<PacketPtr>> packets) {
    if (!packets) return std::unexpected(packets.error());
    out.send(std::move(*packets));
    if (auto error = fate_.error()) return std::unexpected(*error);
    return {};
  }

  Status add_picture(std::int64_t index, double at) {
    auto frame = picture(options_);
    if (!frame) return std::unexpected(frame.error());
    const double before = static_cast<double>(index - 1) / options_.fps;
    const bool flash = std::floor(at + 1e-9) > std::floor(before + 1e-9);
    draw(**frame, at, flash);
    (*frame)->pts = std::llround(at * kTicksPerSecond);
    (*frame)->pkt_duration = std::llround(kTicksPerSecond / options_.fps);
    return send(video_out_, video_->encode(std::move(*frame)));
  }

  Status add_sound() {
    auto block = sound_block(samples_);
    if (!block) return std::unexpected(block.error());
    const auto whole = static_cast<std::int64_t>(options_.seconds * kSampleRate);
    (*block)->nb_samples = static_cast<int>(std::min<std::int64_t>(kSoundBlock, whole - samples_));
    const Ticks at = to_ticks(samples_, {1, kSampleRate});
    samples_ += kSoundBlock;
    if ((*block)->nb_samples <= 0) return {};
    return send(audio_out_, audio_->encode(**block, at));
  }

  Status finish() {
    while (audio_ && static_cast<double>(samples_) / kSampleRate < options_.seconds) {
      if (auto ok = add_sound(); !ok) return ok;
    }
    if (auto ok = send(video_out_, video_->finish()); !ok) return ok;
    if (audio_) {
      if (auto ok = send(audio_out_, audio_->finish()); !ok) return ok;
    }
    return muxer_->finish();
  }

  const SynthOptions& options_;
  OutputFiles& files_;
  const std::string& name_;
  Fate fate_;
  std::optional<VideoEncoder> video_;
  std::optional<AudioEncoder> audio_;
  std::unique_ptr<FileMuxer> muxer_;
  Distributor video_out_;
  Distributor audio_out_;
  std::int64_t samples_ = 0;
};

}  // namespace

Status synthesise(const SynthOptions& options, OutputFiles& files, const std::string& name) {
  route_av_log();
  const bool sizes_ok = options.width >= 16 && options.height >= 16 && options.width <= 8192 &&
                        options.height <= 8192 && options.width % 2 == 0 && options.height % 2 == 0;
  if (!sizes_ok) {
    return fail(ErrorCode::kInvalidParameter, "width and height must be even and 16...8192");
  }
  if (!(options.fps >= 1 && options.fps <= 240) ||
      !(options.seconds > 0 && options.seconds <= 36'000)) {
    return fail(ErrorCode::kInvalidParameter, "fps must be 1...240, seconds at most 36000");
  }
  return Synth(options, files, name).make();
}

}  // namespace telecine::media
