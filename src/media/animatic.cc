#include "media/animatic.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "media/animatic_frames.h"
#include "media/branch.h"
#include "media/encode.h"
#include "media/mux.h"
#include "media/probe.h"

namespace telecine::media {
namespace {

constexpr int kSampleRate = 48'000;
constexpr int kSoundBlock = 1024;
constexpr double kTickSeconds = 0.03;
constexpr double kTickPitch = 1200;  // Hz
constexpr double kTickLoudness = 0.12;
/// A count of its own rather than the machine's: how x264 divides its work shows in the bytes.
constexpr int kEncoderThreads = 2;

/// The user type of an MP4 box that holds XMP (XMP specification, part 3).
constexpr std::string_view kXmpBox =
    "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

std::string xmp_of(const AnimaticOptions& options) {
  const std::string_view source = options.pictures > 0 ? "composite" : "algorithmicMedia";
  std::string out =
      "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
      "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description "
      "rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/"
      "2008-02-29/\"><Iptc4xmpExt:DigitalSourceType>"
      "http://cv.iptc.org/newscodes/digitalsourcetype/";
  out += source;
  out +=
      "</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
      "<?xpacket end=\"r\"?>";
  return out;
}

/// Adds a box at the end of a finished MP4 file, where no offset in it changes.
Status append_xmp(int fd, const std::string& xmp) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) {
    return std::unexpected(errno_error(errno, "the file", ErrorCode::kInternal));
  }
  const auto size = static_cast<std::uint32_t>(8 + kXmpBox.size() + xmp.size());
  std::string box;
  for (const int shift : {24, 16, 8, 0}) box += static_cast<char>(size >> shift & 0xFF);
  box += "uuid";
  box += kXmpBox;
  box += xmp;
  const auto n = ::pwrite(fd, box.data(), box.size(), facts.st_size);
  if (n != static_cast<ssize_t>(box.size())) {
    return fail(ErrorCode::kOutOfSpace, "there is no room for the output");
  }
  return {};
}

/// Silence, or a soft tick wherever something begins.
class Sound {
 public:
  Sound(const AnimaticOptions& options, std::span<const std::int64_t> starts) {
    if (!options.ticks) return;
    for (const std::int64_t start : starts) starts_.push_back(start * kSampleRate / options.fps);
  }

  Result<FramePtr> block(std::int64_t first, int samples) const {
    FramePtr frame = make_frame();
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = kSampleRate;
    frame->nb_samples = samples;
    av_channel_layout_default(&frame->ch_layout, 2);
    if (av_frame_get_buffer(frame.get(), 0) < 0) {
      return fail(ErrorCode::kResourceLimit, "out of memory");
    }
    for (int channel = 0; channel < 2; ++channel) {
      auto* out = reinterpret_cast<float*>(frame->extended_data[channel]);
      for (int i = 0; i < samples; ++i) out[i] = at(first + i);
    }
    return frame;
  }

 private:
  float at(std::int64_t sample) const {
    const auto next = std::ranges::upper_bound(starts_, sample);
    if (next == starts_.begin()) return 0;
    const double since = static_cast<double>(sample - *std::prev(next)) / kSampleRate;
    if (since >= kTickSeconds) return 0;
    const double fade = 1 - since / kTickSeconds;
    return static_cast<float>(kTickLoudness * fade * fade *
                              std::sin(2 * std::numbers::pi * kTickPitch * since));
  }

  std::vector<std::int64_t> starts_;  // in samples
};

class Writer {
 public:
  explicit Writer(const AnimaticOptions& options) : options_(options) {}

  Status open(OutputFiles& files, const std::string& name) {
    VideoSettings settings;
    settings.options.preset = Preset::kVeryfast;
    settings.options.profile = Profile::kHigh;
    settings.options = normalised(settings.options, OutputType::kVideo);
    settings.size = {options_.width, options_.height};
    settings.frame_rate = {options_.fps, 1};
    settings.colour = {AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709};
    settings.threads = kEncoderThreads;
    auto video = VideoEncoder::open(settings);
    if (!video) return std::unexpected(video.error());
    video_ = std::move(*video);
    auto muxer = FileMuxer::create(files, name, Container::kMp4);
    if (!muxer) return std::unexpected(muxer.error());
    muxer_ = std::move(*muxer);
    auto track = muxer_->add_track({video_->parameters(), kTicks, video_->frame_rate()});
    if (!track) return std::unexpected(track.error());
    video_out_.add({muxer_.get(), *track, &fate_});
    if (options_.sound) {
      auto audio = AudioEncoder::open({}, kSampleRate, 2);
      if (!audio) return std::unexpected(audio.error());
      audio_ = std::move(*audio);
      track = muxer_->add_track({audio_->parameters(), audio_->time_base(), {0, 1}});
      if (!track) return std::unexpected(track.error());
      audio_out_.add({muxer_.get(), *track, &fate_});
    }
    muxer_->tag("title", "Telecine animatic");
    muxer_->tag("comment",
                "Placeholder rendered by Telecine " + options_.version +
                    "; no generative model was used; requested model: " + options_.model);
    return muxer_->start();
  }

  Status add(FramePtr frame, std::int64_t index) {
    frame->pts = av_rescale(index, kTicksPerSecond, options_.fps);
    frame->pkt_duration = kTicksPerSecond / options_.fps;
    return send(video_out_, video_->encode(std::move(frame)));
  }

  /// Sound up to the given number of samples.
  Status add_sound(const Sound& sound, std::int64_t until) {
    while (audio_ && samples_ < until) {
      const auto count = static_cast<int>(std::min<std::int64_t>(kSoundBlock, until - samples_));
      auto block = sound.block(samples_, count);
      if (!block) return std::unexpected(block.error());
      const Ticks at = to_ticks(samples_, {1, kSampleRate});
      samples_ += count;
      if (auto ok = send(audio_out_, audio_->encode(**block, at)); !ok) return ok;
    }
    return {};
  }

  Status finish() {
    if (auto ok = send(video_out_, video_->finish()); !ok) return ok;
    if (audio_) {
      if (auto ok = send(audio_out_, audio_->finish()); !ok) return ok;
    }
    if (auto ok = muxer_->finish(); !ok) return ok;
    return append_xmp(muxer_->fd(), xmp_of(options_));
  }

  int fd() const { return muxer_->fd(); }

 private:
  Status send(Distributor& out, Result<std::vector<PacketPtr>> packets) {
    if (!packets) return std::unexpected(packets.error());
    out.send(std::move(*packets));
    if (auto error = fate_.error()) return std::unexpected(*error);
    return {};
  }

  const AnimaticOptions& options_;
  Fate fate_;
  std::optional<VideoEncoder> video_;
  std::optional<AudioEncoder> audio_;
  std::unique_ptr<FileMuxer> muxer_;
  Distributor video_out_;
  Distributor audio_out_;
  std::int64_t samples_ = 0;
};

}  // namespace

Result<MadeOutput> render_animatic(const AnimaticOptions& options, const OpenPicture& open,
                                   OutputFiles& files, const std::string& name,
                                   const std::function<void(double)>& done) {
  constexpr int kReportEvery = 12;  // frames
  route_av_log();
  auto frames = AnimaticFrames::make(options, open);
  if (!frames) return std::unexpected(frames.error());
  const Sound sound(options, (*frames)->starts());
  Writer writer(options);
  const std::string file = name + ".mp4";
  if (auto ok = writer.open(files, file); !ok) return std::unexpected(ok.error());
  const std::int64_t count = frame_count(options);
  for (std::int64_t i = 0; i < count; ++i) {
    auto frame = (*frames)->frame(i);
    if (!frame) return std::unexpected(frame.error());
    if (auto ok = writer.add(std::move(*frame), i); !ok) return std::unexpected(ok.error());
    const std::int64_t heard = (i + 1) * kSampleRate / options.fps;
    if (auto ok = writer.add_sound(sound, heard); !ok) return std::unexpected(ok.error());
    if (i % kReportEvery == 0) done(static_cast<double>(i) / static_cast<double>(count));
  }
  if (auto ok = writer.finish(); !ok) return std::unexpected(ok.error());
  done(1);
  auto facts = probe(writer.fd());
  if (!facts) return std::unexpected(facts.error());
  MadeOutput made;
  made.files = {{file, {}, "video/mp4", facts->size, {}}};
  made.facts = std::move(*facts);
  return made;
}

std::int64_t animatic_memory(const AnimaticOptions& options) {
  constexpr std::int64_t kBase = 160LL << 20;
  // Cards or pictures, their drawing in RGB, and what the encoder looks ahead at.
  constexpr std::int64_t kFrames = 90;
  return kBase + kFrames * options.width * options.height * 3 / 2;
}

}  // namespace telecine::media
