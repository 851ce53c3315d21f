#include "media/describe.h"

extern "C" {
#include <libavutil/mastering_display_metadata.h>
}

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace telecine::media {
namespace {

constexpr std::size_t kMaxTitle = 200;

std::string text(const char* name) {
  return name == nullptr ? std::string() : std::string(name);
}

// "unknown", "unspecified" and "reserved" tell nothing.
std::string known(const char* name) {
  const std::string word = text(name);
  return word == "unknown" || word == "unspecified" || word == "reserved" ? "" : word;
}

std::string field_order_name(AVFieldOrder order) {
  switch (order) {
    case AV_FIELD_PROGRESSIVE:
      return "progressive";
    case AV_FIELD_TT:
      return "tt";
    case AV_FIELD_BB:
      return "bb";
    case AV_FIELD_TB:
      return "tb";
    case AV_FIELD_BT:
      return "bt";
    default:
      return "";
  }
}

int bit_depth_of(const AVCodecParameters& codec) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(codec.format));
  if (format != nullptr && format->nb_components > 0) return format->comp[0].depth;
  return codec.bits_per_raw_sample > 0 ? codec.bits_per_raw_sample : 8;
}

std::string metadata(const AVDictionary* dict, const char* key) {
  const auto* entry = av_dict_get(dict, key, nullptr, 0);
  return entry == nullptr ? std::string() : std::string(trim(printable(entry->value, kMaxTitle)));
}

}  // namespace

VideoFacts describe_video(const AVCodecParameters& codec) {
  VideoFacts facts;
  facts.codec = avcodec_get_name(codec.codec_id);
  facts.profile = text(avcodec_profile_name(codec.codec_id, codec.profile));
  facts.level = std::max(0, codec.level);
  facts.coded_width = codec.width;
  facts.coded_height = codec.height;
  if (codec.sample_aspect_ratio.num > 0 && codec.sample_aspect_ratio.den > 0) {
    facts.sar = {codec.sample_aspect_ratio.num, codec.sample_aspect_ratio.den};
  }
  facts.bitrate = codec.bit_rate;
  facts.pixel_format = text(av_get_pix_fmt_name(static_cast<AVPixelFormat>(codec.format)));
  facts.bit_depth = bit_depth_of(codec);
  facts.color_range = known(av_color_range_name(codec.color_range));
  facts.color_primaries = known(av_color_primaries_name(codec.color_primaries));
  facts.color_transfer = known(av_color_transfer_name(codec.color_trc));
  facts.color_space = known(av_color_space_name(codec.color_space));
  facts.field_order = field_order_name(codec.field_order);
  apply_display_size(facts);
  return facts;
}

AudioFacts describe_audio(const AVCodecParameters& codec) {
  AudioFacts facts;
  facts.codec = avcodec_get_name(codec.codec_id);
  facts.profile = text(avcodec_profile_name(codec.codec_id, codec.profile));
  facts.channels = codec.ch_layout.nb_channels;
  char layout[64] = {};
  if (facts.channels > 0 &&
      av_channel_layout_describe(&codec.ch_layout, layout, sizeof layout) > 0) {
    facts.layout = layout;
  }
  facts.sample_rate = codec.sample_rate;
  facts.sample_format = text(av_get_sample_fmt_name(static_cast<AVSampleFormat>(codec.format)));
  facts.bitrate = codec.bit_rate;
  return facts;
}

Orientation orientation_of(const AVStream& stream) {
  std::size_t size = 0;
  const auto* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (data == nullptr || size < 9 * sizeof(std::int32_t)) return {};
  const auto* m = reinterpret_cast<const std::int32_t*>(data);
  // (x, y) goes to (a x + c y, b x + d y), y pointing down (libavutil/display.h).
  const std::int64_t a = m[0], b = m[1], c = m[3], d = m[4];
  if (std::llabs(a) + std::llabs(d) >= std::llabs(b) + std::llabs(c)) {
    if (a >= 0) return d >= 0 ? Orientation{0, false} : Orientation{180, true};
    return d >= 0 ? Orientation{0, true} : Orientation{180, false};
  }
  if (b >= 0) return c < 0 ? Orientation{90, false} : Orientation{270, true};
  return c < 0 ? Orientation{90, true} : Orientation{270, false};
}

void apply_display_size(VideoFacts& facts) {
  const double wide = facts.sar.den > 0 && facts.sar.num > 0 ? facts.sar.value() : 1.0;
  const double width = std::clamp(std::round(facts.coded_width * wide), 0.0, 1e6);
  facts.width = static_cast<int>(width);
  facts.height = facts.coded_height;
  if (facts.rotation % 180 != 0) std::swap(facts.width, facts.height);
}

void add_mastering(HdrFacts& facts, const std::uint8_t* data) {
  const auto& display = *reinterpret_cast<const AVMasteringDisplayMetadata*>(data);
  if (display.has_luminance == 0) return;
  if (display.max_luminance.den != 0) facts.max_luminance = av_q2d(display.max_luminance);
  if (display.min_luminance.den != 0) facts.min_luminance = av_q2d(display.min_luminance);
}

void add_light_level(HdrFacts& facts, const std::uint8_t* data) {
  const auto& light = *reinterpret_cast<const AVContentLightMetadata*>(data);
  facts.max_cll = static_cast<int>(light.MaxCLL);
  facts.max_fall = static_cast<int>(light.MaxFALL);
}

std::string language_of(const AVDictionary* dict) {
  const std::string language = lower(metadata(dict, "language"));
  return language == "und" || language.size() > 8 ? "" : language;
}

std::string title_of(const AVDictionary* dict) {
  return metadata(dict, "title");
}

}  // namespace telecine::media
