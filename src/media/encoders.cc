#include "media/encoders.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "media/fit_level.h"
#include "media/tone_map.h"
#include "task/levels.h"

namespace telecine::media {
namespace {

constexpr Millis kHlsGop = 2000;
constexpr Millis kFileGop = 10'000;

// Encoders count the distance of keyframes in pictures, which is a time while the frame rate holds.
int frames_of(Millis gop, AVRational frame_rate) {
  const double frames = static_cast<double>(gop) / 1000 * av_q2d(frame_rate);
  return static_cast<int>(std::clamp(std::round(frames), 1.0, 1e6));
}

// What x264 and x265 take in the same words.
void configure_common(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  const VideoOptions& wanted = settings.options;
  options.set("preset", std::string(name_of(wanted.preset)));
  if (wanted.profile != Profile::kAuto) {
    const std::string depth = wanted.pixel_depth == 10 ? "10" : "";
    options.set("profile", std::string(name_of(wanted.profile)) + depth);
  }
  options.set("forced-idr", 1);
  if (wanted.scene_cuts) {
    context.gop_size = frames_of(wanted.gop, settings.frame_rate);
  } else {
    // Keyframes stand where the encoder thread asks for them and nowhere else.
    context.gop_size = 1'000'000;
    context.keyint_min = 1;
  }
  const RateControl& rate = wanted.rate;
  if (rate.crf) {
    char crf[32];
    std::snprintf(crf, sizeof crf, "%.2f", *rate.crf);
    options.set("crf", crf);
  } else if (rate.bitrate) {
    context.bit_rate = *rate.bitrate;
  }
  if (rate.max_rate) {
    context.rc_max_rate = *rate.max_rate;
    const std::int64_t buffer = rate.buffer.value_or(2 * *rate.max_rate);
    context.rc_buffer_size = static_cast<int>(std::min<std::int64_t>(buffer, 2'000'000'000));
  }
}

/// x264's own, by preset.
int usual_references(Preset preset) {
  switch (preset) {
    case Preset::kUltrafast:
    case Preset::kSuperfast:
    case Preset::kVeryfast:
      return 1;
    case Preset::kFaster:
    case Preset::kFast:
      return 2;
    case Preset::kMedium:
      return 3;
    case Preset::kSlow:
      return 5;
    case Preset::kSlower:
      return 8;
    default:
      return 16;
  }
}

void configure_x264(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  configure_common(settings, context, options);
  if (!settings.options.scene_cuts) options.set("sc_threshold", 0);
  if (settings.options.level == 0) return;
  // x264 says a level it is told and keeps to nothing but its bit rate.
  options.set("level", level_name(settings.options.level));
  constexpr int kPyramid = 4;  // pictures that B-frames which others refer to need
  const int references = most_references(settings);
  options.set("refs", std::min(references, usual_references(settings.options.preset)));
  if (references < kPyramid) options.set("b-pyramid", "none");
}

void configure_x265(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  configure_common(settings, context, options);
  // x265's own default lets pictures refer across keyframes, where neither seeking nor HLS could
  // cut.
  context.flags |= AV_CODEC_FLAG_CLOSED_GOP;
  // It would log to stderr, describe itself in every file, and take every core of the machine.
  // Each picture worked on beside others costs memory and some quality; rows run in parallel
  // anyway.
  constexpr int kMostFrameThreads = 4;
  std::string parameters =
      "log-level=none:info=0:pools=" + std::to_string(settings.threads) +
      ":frame-threads=" + std::to_string(std::min(settings.threads, kMostFrameThreads));
  if (!settings.options.scene_cuts) parameters += ":scenecut=0";
  if (const int level = settings.options.level; level > 0) {
    parameters += ":high-tier=0:level-idc=" + std::to_string(level);
  }
  parameters += x265_light(settings.light);
  options.set("x265-params", parameters);
}

// The place of a preset on a scale that falls from `fastest` to `slowest`.
int on_scale(Preset preset, int fastest, int slowest) {
  constexpr int kLast = static_cast<int>(Preset::kVeryslow);
  return fastest - static_cast<int>(preset) * (fastest - slowest) / kLast;
}

std::string crf_text(double crf) {
  return std::to_string(static_cast<int>(std::lround(crf)));
}

void configure_svt(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  // SVT-AV1's presets 12 (fastest) to 4; the slower ones are for research.
  options.set("preset", on_scale(settings.options.preset, 12, 4));
  context.gop_size = frames_of(settings.options.gop, settings.frame_rate);
  std::string parameters = "lp=" + std::to_string(settings.threads) + ":pin=0";
  if (settings.options.scene_cuts) parameters += ":scd=1";
  const RateControl& rate = settings.options.rate;
  if (rate.bitrate) {
    context.bit_rate = *rate.bitrate;
    parameters += ":rc=1";
  } else {
    options.set("crf", crf_text(rate.crf.value_or(default_crf(VideoCodec::kAv1))));
    if (rate.max_rate) parameters += ":mbr=" + std::to_string(*rate.max_rate / 1000);
  }
  parameters += svt_light(settings.light);
  options.set("svtav1-params", parameters);
}

void configure_vpx(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  // libvpx's "good" is fit for patient presets: at 1080p its quickest makes 2 pictures a second on
  // a core. "realtime" knows cpu-used 8 (fastest) to 5, "good" 4 to 1.
  const Preset preset = settings.options.preset;
  const bool quick = preset <= Preset::kFast;
  options.set("deadline", quick ? "realtime" : "good");
  options.set("cpu-used", std::min(8, 9 - static_cast<int>(preset)));
  options.set("row-mt", 1);
  if (!quick) {
    options.set("auto-alt-ref", 1);
    options.set("lag-in-frames", 25);
  }
  context.gop_size = settings.options.scene_cuts
                         ? frames_of(settings.options.gop, settings.frame_rate)
                         : 1'000'000;
  const RateControl& rate = settings.options.rate;
  if (rate.bitrate) {
    context.bit_rate = *rate.bitrate;
  } else {
    options.set("crf", crf_text(rate.crf.value_or(default_crf(VideoCodec::kVp9))));
    // libvpx's capped quality is its constrained mode, whose rate is the cap.
    context.bit_rate = rate.max_rate.value_or(0);
  }
  if (rate.bitrate && rate.max_rate) {
    context.rc_max_rate = *rate.max_rate;
    context.rc_buffer_size = static_cast<int>(
        std::min<std::int64_t>(rate.buffer.value_or(2 * *rate.max_rate), 2'000'000'000));
  }
}

void configure_gif(const VideoSettings&, AVCodecContext&, Dictionary&) {}

void configure_webp(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  options.set("loop", 0);  // for ever
  const double crf = settings.options.rate.crf.value_or(default_crf(VideoCodec::kWebp));
  options.set("quality", static_cast<int>(std::lround(100 - crf)));
  options.set("compression_level", 6 - on_scale(settings.options.preset, 6, 0));
  context.gop_size = 30;
}

// GIFs are drawn from palettes, each picture's own: "new" is what lets it change.
constexpr const char* kGifColours =
    "split[seen][shown];[seen]palettegen=stats_mode=single[colours];"
    "[shown][colours]paletteuse=new=1:dither=bayer:bayer_scale=4";

constexpr auto kVideoCodecs = std::to_array<VideoCodecEntry>({
    {VideoCodec::kH264, "libx264", AV_PIX_FMT_YUV420P, configure_x264},
    {VideoCodec::kH265, "libx265", AV_PIX_FMT_YUV420P, configure_x265},
    {VideoCodec::kAv1, "libsvtav1", AV_PIX_FMT_YUV420P, configure_svt, AV_PIX_FMT_NONE, nullptr,
     true},
    {VideoCodec::kVp9, "libvpx-vp9", AV_PIX_FMT_YUV420P, configure_vpx},
    {VideoCodec::kGif, "gif", AV_PIX_FMT_PAL8, configure_gif, AV_PIX_FMT_BGRA, kGifColours},
    {VideoCodec::kWebp, "libwebp_anim", AV_PIX_FMT_YUV420P, configure_webp},
});

constexpr auto kAudioCodecs = std::to_array<AudioCodecEntry>({
    {AudioCodec::kAac, "aac", 8},
    {AudioCodec::kMp3, "libmp3lame", 2},
    {AudioCodec::kOpus, "libopus", 8},
    {AudioCodec::kFlac, "flac", 8},
});

// "ipod" is libavformat's name of M4A: an MP4 with its own brand.
constexpr auto kContainers = std::to_array<ContainerEntry>({
    {Container::kMp4, "mp4", "mp4", "video/mp4"},
    {Container::kFlv, "flv", "flv", "video/x-flv"},
    {Container::kM4a, "ipod", "m4a", "audio/mp4"},
    {Container::kMp3, "mp3", "mp3", "audio/mpeg"},
    {Container::kWebm, "webm", "webm", "video/webm"},
    {Container::kMkv, "matroska", "mkv", "video/x-matroska"},
    {Container::kTs, "mpegts", "ts", "video/mp2t"},
    {Container::kOgg, "ogg", "ogg", "audio/ogg"},
    {Container::kFlac, "flac", "flac", "audio/flac"},
    {Container::kGif, "gif", "gif", "image/gif"},
    {Container::kWebp, "webp", "webp", "image/webp"},
});

// JPEG (JFIF) is full-range BT.601.
constexpr auto kImages = std::to_array<ImageEntry>({
    {ImageFormat::kJpeg, "mjpeg", AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, AVCOL_SPC_SMPTE170M, "jpg",
     "image/jpeg"},
    {ImageFormat::kPng, "png", AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG, AVCOL_SPC_UNSPECIFIED, "png",
     "image/png"},
});

}  // namespace

AVPixelFormat pixel_format(const VideoSettings& settings) {
  const AVPixelFormat usual = entry_of(settings.options.codec).format;
  return settings.options.pixel_depth == 10 ? AV_PIX_FMT_YUV420P10 : usual;
}

VideoOptions normalised(VideoOptions options, OutputType use) {
  if (use == OutputType::kHls) options.scene_cuts = false;
  if (options.gop <= 0) options.gop = use == OutputType::kHls ? kHlsGop : kFileGop;
  if (options.codec == VideoCodec::kGif) options.rate = {};
  RateControl& rate = options.rate;
  if (!rate.crf && !rate.bitrate) rate.crf = default_crf(options.codec);
  if (rate.crf) rate.bitrate.reset();
  if (!rate.max_rate && rate.bitrate && rate.buffer) rate.max_rate = rate.bitrate;
  if (rate.bitrate && rate.max_rate) rate.max_rate = std::max(*rate.max_rate, *rate.bitrate);
  if (!rate.max_rate) rate.buffer.reset();
  if (rate.max_rate && !rate.buffer) rate.buffer = 2 * *rate.max_rate;
  return options;
}

AudioOptions normalised(AudioOptions options) {
  options.bitrate = std::clamp<std::int64_t>(options.bitrate, 8'000, 1'024'000);
  return options;
}

const VideoCodecEntry& entry_of(VideoCodec codec) {
  return *std::ranges::find(kVideoCodecs, codec, &VideoCodecEntry::codec);
}
const AudioCodecEntry& entry_of(AudioCodec codec) {
  return *std::ranges::find(kAudioCodecs, codec, &AudioCodecEntry::codec);
}
const ContainerEntry& entry_of(Container container) {
  return *std::ranges::find(kContainers, container, &ContainerEntry::container);
}
const ImageEntry& entry_of(ImageFormat format) {
  return *std::ranges::find(kImages, format, &ImageEntry::format);
}

}  // namespace telecine::media
