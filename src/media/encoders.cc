#include "media/encoders.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace telecine::media {
namespace {

constexpr Millis kHlsGop = 2000;
constexpr Millis kFileGop = 10'000;

// What x264 and x265 take in the same words.
void configure_common(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  const VideoOptions& wanted = settings.options;
  options.set("preset", std::string(name_of(wanted.preset)));
  if (wanted.profile != Profile::kAuto) {
    options.set("profile", std::string(name_of(wanted.profile)));
  }
  options.set("forced-idr", 1);
  if (wanted.scene_cuts) {
    const double frames = static_cast<double>(wanted.gop) / 1000 * av_q2d(settings.frame_rate);
    context.gop_size = static_cast<int>(std::clamp(std::round(frames), 1.0, 1e6));
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

void configure_x264(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
  configure_common(settings, context, options);
  if (!settings.options.scene_cuts) options.set("sc_threshold", 0);
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
  options.set("x265-params", parameters);
}

constexpr auto kVideoCodecs = std::to_array<VideoCodecEntry>({
    {VideoCodec::kH264, "libx264", AV_PIX_FMT_YUV420P, configure_x264},
    {VideoCodec::kH265, "libx265", AV_PIX_FMT_YUV420P, configure_x265},
});

constexpr auto kAudioCodecs = std::to_array<AudioCodecEntry>({
    {AudioCodec::kAac, "aac", 8},
    {AudioCodec::kMp3, "libmp3lame", 2},
});

// "ipod" is libavformat's name of M4A: an MP4 with its own brand.
constexpr auto kContainers = std::to_array<ContainerEntry>({
    {Container::kMp4, "mp4", "mp4", "video/mp4"},
    {Container::kFlv, "flv", "flv", "video/x-flv"},
    {Container::kM4a, "ipod", "m4a", "audio/mp4"},
    {Container::kMp3, "mp3", "mp3", "audio/mpeg"},
});

// JPEG (JFIF) is full-range BT.601.
constexpr auto kImages = std::to_array<ImageEntry>({
    {ImageFormat::kJpeg, "mjpeg", AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, AVCOL_SPC_SMPTE170M, "jpg",
     "image/jpeg"},
    {ImageFormat::kPng, "png", AV_PIX_FMT_RGB24, AVCOL_RANGE_JPEG, AVCOL_SPC_UNSPECIFIED, "png",
     "image/png"},
});

}  // namespace

VideoOptions normalised(VideoOptions options, OutputType use) {
  if (use == OutputType::kHls) options.scene_cuts = false;
  if (options.gop <= 0) options.gop = use == OutputType::kHls ? kHlsGop : kFileGop;
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

namespace {

// The first bytes of the first SPS, from its NAL header on and without emulation prevention.
std::vector<std::uint8_t> hevc_sps(const AVCodecParameters& codec) {
  constexpr int kSps = 33;
  constexpr std::size_t kEnough = 16;
  const std::uint8_t* data = codec.extradata;
  std::vector<std::uint8_t> out;
  for (int i = 0; i + 3 < codec.extradata_size; ++i) {
    if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1) continue;
    if (((data[i + 3] >> 1) & 0x3F) != kSps) continue;
    for (int j = i + 3; j < codec.extradata_size && out.size() < kEnough; ++j) {
      const bool prevents = data[j] == 3 && data[j - 1] == 0 && data[j - 2] == 0;
      if (!prevents) out.push_back(data[j]);
    }
    break;
  }
  return out;
}

// ISO/IEC 14496-15 E.3: profile, compatibility flags in reverse, tier and level, and the
// constraint bytes up to the last that is not 0.
std::string hevc_string(const AVCodecParameters& codec) {
  const auto sps = hevc_sps(codec);
  if (sps.size() < 15) return "hvc1";
  // Two bytes of NAL header and one of ids stand before the profile.
  const std::uint8_t* ptl = sps.data() + 3;
  const auto space = static_cast<std::size_t>(ptl[0] >> 6);
  std::uint32_t flags = 0;
  for (int bit = 0; bit < 32; ++bit) {
    if ((ptl[1 + bit / 8] >> (7 - bit % 8)) & 1) flags |= 1U << bit;
  }
  char text[64];
  std::snprintf(text, sizeof text, "hvc1.%s%d.%X.%c%d", std::to_array({"", "A", "B", "C"})[space],
                ptl[0] & 0x1F, flags, (ptl[0] & 0x20) != 0 ? 'H' : 'L', ptl[11]);
  std::string out = text;
  int last = 5;
  while (last >= 0 && ptl[5 + last] == 0) --last;
  for (int i = 0; i <= last; ++i) {
    std::snprintf(text, sizeof text, ".%X", ptl[5 + i]);
    out += text;
  }
  return out;
}

}  // namespace

std::string codec_string(const AVCodecParameters& codec) {
  char text[32] = {};
  if (codec.codec_id == AV_CODEC_ID_H264) {
    // Extradata is either Annex B, whose first NAL unit is the SPS, or avcC: in both the profile,
    // constraint and level bytes follow the SPS's NAL header or the version byte.
    const std::uint8_t* data = codec.extradata;
    const int size = codec.extradata_size;
    int at = -1;
    if (size >= 4 && data[0] == 1) at = 1;
    for (int i = 0; at < 0 && i + 6 < size; ++i) {
      const bool start_code = data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1;
      if (start_code && (data[i + 3] & 0x1F) == 7) at = i + 4;
    }
    if (at < 0 || at + 3 > size) return "avc1";
    std::snprintf(text, sizeof text, "avc1.%02X%02X%02X", data[at], data[at + 1], data[at + 2]);
    return text;
  }
  if (codec.codec_id == AV_CODEC_ID_HEVC) return hevc_string(codec);
  if (codec.codec_id == AV_CODEC_ID_MP3) return "mp4a.40.34";
  if (codec.codec_id == AV_CODEC_ID_AAC) {
    // The AudioSpecificConfig starts with five bits of object type.
    const int object = codec.extradata_size > 0 ? codec.extradata[0] >> 3 : 2;
    std::snprintf(text, sizeof text, "mp4a.40.%d", object);
    return text;
  }
  return avcodec_get_name(codec.codec_id);
}

}  // namespace telecine::media
