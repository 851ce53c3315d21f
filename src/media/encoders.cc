#include "media/encoders.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace telecine::media {
namespace {

constexpr double kDefaultCrf = 23;  // x264's own
constexpr Millis kHlsGop = 2000;
constexpr Millis kFileGop = 10'000;

void configure_x264(const VideoSettings& settings, AVCodecContext& context, Dictionary& options) {
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
    options.set("sc_threshold", 0);
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

constexpr auto kVideoCodecs = std::to_array<VideoCodecEntry>({
    {VideoCodec::kH264, "libx264", AV_PIX_FMT_YUV420P, configure_x264},
});

constexpr auto kAudioCodecs = std::to_array<AudioCodecEntry>({
    {AudioCodec::kAac, "aac", 8},
});

constexpr auto kContainers = std::to_array<ContainerEntry>({
    {Container::kMp4, "mp4", "mp4", "video/mp4"},
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
  if (!rate.crf && !rate.bitrate) rate.crf = kDefaultCrf;
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
  if (codec.codec_id == AV_CODEC_ID_AAC) {
    // The AudioSpecificConfig starts with five bits of object type.
    const int object = codec.extradata_size > 0 ? codec.extradata[0] >> 3 : 2;
    std::snprintf(text, sizeof text, "mp4a.40.%d", object);
    return text;
  }
  return avcodec_get_name(codec.codec_id);
}

}  // namespace telecine::media
