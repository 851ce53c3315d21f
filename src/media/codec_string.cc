// The codecs' own words for what a stream needs of its decoder.

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "media/encoders.h"
#include "media/nal_units.h"

namespace telecine::media {
namespace {

/// The first sequence set that goes with the stream; empty when there is none.
Bytes sequence_set(const AVCodecParameters& codec) {
  const unsigned wanted = codec.codec_id == AV_CODEC_ID_HEVC ? kH265SequenceSet : kH264SequenceSet;
  const auto sets = parameter_sets(codec);
  if (!sets) return {};
  for (const BytesView unit : nal_units(*sets)) {
    if (unit_type(codec.codec_id, unit) == wanted) return {unit.begin(), unit.end()};
  }
  return {};
}

// Profile, constraints and level stand behind the unit's header.
std::string h264_string(const AVCodecParameters& codec) {
  const Bytes set = sequence_set(codec);
  if (set.size() < 4) return "avc1";
  char text[16];
  std::snprintf(text, sizeof text, "avc1.%02X%02X%02X", set[1], set[2], set[3]);
  return text;
}

// ISO/IEC 14496-15 E.3: profile, compatibility flags in reverse, tier and level, and the
// constraint bytes up to the last that is not 0.
std::string hevc_string(const AVCodecParameters& codec) {
  const Bytes ptl = h265_profile(sequence_set(codec));
  if (ptl.empty()) return "hvc1";
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

// AV1 in ISOBMFF, section 5: profile, level and tier, bit depth. From av1C, or from the sequence
// header that encoders give, whose level follows 12 bits of its first operating point when neither
// timing nor decoder model is described.
std::string av1_string(const AVCodecParameters& codec) {
  const std::uint8_t* data = codec.extradata;
  const int size = codec.extradata_size;
  int profile = 0;
  int level = 8;  // 4.0
  int tier = 0;
  if (size >= 4 && data[0] == 0x81) {
    profile = data[1] >> 5;
    level = data[1] & 0x1F;
    tier = data[2] >> 7;
  } else if (size >= 6 && (data[0] >> 3 & 0xF) == 1) {
    const std::uint8_t* body = data + ((data[0] & 2) != 0 ? 2 : 1);
    const std::uint32_t bits =
        static_cast<std::uint32_t>(body[0]) << 24 | body[1] << 16 | body[2] << 8 | body[3];
    profile = static_cast<int>(bits >> 29);
    const bool reduced = (bits >> 27 & 1) != 0;
    const bool timing = !reduced && (bits >> 26 & 1) != 0;
    // 3 profile, 1 still, 1 reduced; then either 5 level, or 1 timing, 1 delay, 5 count, 12 point.
    if (reduced) level = static_cast<int>(bits >> 22 & 0x1F);
    if (!reduced && !timing) level = static_cast<int>(bits >> 3 & 0x1F);
  }
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(codec.format));
  const int depth = format == nullptr ? 8 : format->comp[0].depth;
  char text[32];
  std::snprintf(text, sizeof text, "av01.%d.%02d%c.%02d", profile, level, tier != 0 ? 'H' : 'M',
                depth);
  return text;
}

// "VP Codec ISO Media File Format Binding": profile, level, bit depth. libvpx tells no level: 4.1
// holds 2160 x 1080 at 60 frames/s, 5.1 four times that.
std::string vp9_string(const AVCodecParameters& codec) {
  const bool large = static_cast<std::int64_t>(codec.width) * codec.height > 2'228'224;
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(codec.format));
  char text[32];
  std::snprintf(text, sizeof text, "vp09.%02d.%s.%02d", std::clamp(codec.profile, 0, 3),
                large ? "51" : "41", format == nullptr ? 8 : format->comp[0].depth);
  return text;
}

}  // namespace

std::string codec_string(const AVCodecParameters& codec) {
  if (codec.codec_id == AV_CODEC_ID_H264) return h264_string(codec);
  if (codec.codec_id == AV_CODEC_ID_HEVC) return hevc_string(codec);
  if (codec.codec_id == AV_CODEC_ID_AV1) return av1_string(codec);
  if (codec.codec_id == AV_CODEC_ID_VP9) return vp9_string(codec);
  if (codec.codec_id == AV_CODEC_ID_AC3) return "ac-3";
  if (codec.codec_id == AV_CODEC_ID_EAC3) return "ec-3";
  if (codec.codec_id == AV_CODEC_ID_MP2) return "mp4a.40.33";
  if (codec.codec_id == AV_CODEC_ID_OPUS) return "Opus";
  if (codec.codec_id == AV_CODEC_ID_FLAC) return "fLaC";
  if (codec.codec_id == AV_CODEC_ID_MP3) return "mp4a.40.34";
  if (codec.codec_id == AV_CODEC_ID_AAC) {
    // The AudioSpecificConfig starts with five bits of object type.
    const int object = codec.extradata_size > 0 ? codec.extradata[0] >> 3 : 2;
    return "mp4a.40." + std::to_string(object);
  }
  return avcodec_get_name(codec.codec_id);
}

}  // namespace telecine::media
