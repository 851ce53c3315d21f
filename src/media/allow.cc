#include "media/allow.h"

extern "C" {
#include <libavutil/avstring.h>
}

#include <algorithm>
#include <array>

namespace telecine::media {
namespace {

// Names as libavformat spells them. Self-contained files only: no playlists, no concat scripts, no
// image sequences, nothing that names other files.
constexpr auto kDemuxers = std::to_array<std::string_view>({
    "mov", "matroska", "webm", "mpegts", "mpeg", "flv",      "avi",       "ogg",       "mp3", "aac",
    "ac3", "eac3",     "flac", "wav",    "w64",  "png_pipe", "jpeg_pipe", "webp_pipe", "gif",
});

constexpr const char* kOpacityVp8 = "libvpx";
constexpr const char* kOpacityVp9 = "libvpx-vp9";

// Where libav has several decoders of one codec, the first named here is the one used.
constexpr auto kDecoders = std::to_array<std::string_view>({
    // pictures
    "h264",
    "hevc",
    "libdav1d",
    "av1",
    "vp8",
    "vp9",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "theora",
    "prores",
    "dnxhd",
    "mjpeg",
    "png",
    "webp",
    "gif",
    // sound
    "aac",
    "aac_latm",
    "mp3float",
    "mp3",
    "mp2float",
    "mp2",
    "ac3",
    "eac3",
    "opus",
    "libopus",
    "vorbis",
    "flac",
    "alac",
    "pcm_s8",
    "pcm_u8",
    "pcm_s16le",
    "pcm_s16be",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_s32le",
    "pcm_s32be",
    "pcm_f32le",
    "pcm_f32be",
    "pcm_f64le",
    "pcm_f64be",
    "pcm_alaw",
    "pcm_mulaw",
    "pcm_bluray",
    "pcm_dvd",
    // subtitles
    "srt",
    "subrip",
    "ass",
    "ssa",
    "mov_text",
    "webvtt",
    "dvdsub",
    "pgssub",
    "dvbsub",
    // for opacity only
    kOpacityVp8,
    kOpacityVp9,
});

std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (const auto name : names) {
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

}  // namespace

const std::string& demuxer_whitelist() {
  static const std::string list = listed(kDemuxers);
  return list;
}

const std::string& decoder_whitelist() {
  static const std::string list = listed(kDecoders);
  return list;
}

bool is_demuxer_allowed(const AVInputFormat& format) {
  return av_match_list(format.name, demuxer_whitelist().c_str(), ',') > 0;
}

const AVCodec* allowed_decoder(AVCodecID codec) {
  for (const auto name : kDecoders) {
    const AVCodec* decoder = avcodec_find_decoder_by_name(std::string(name).c_str());
    if (decoder != nullptr && decoder->id == codec) return decoder;
  }
  return nullptr;
}

bool has_opacity_beside(const AVStream& stream) {
  const AVCodecID codec = stream.codecpar->codec_id;
  const AVDictionaryEntry* mode = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  return (codec == AV_CODEC_ID_VP8 || codec == AV_CODEC_ID_VP9) && mode != nullptr &&
         std::string_view(mode->value) == "1";
}

const AVCodec* allowed_decoder(const AVStream& stream) {
  const AVCodecID codec = stream.codecpar->codec_id;
  if (!has_opacity_beside(stream)) return allowed_decoder(codec);
  return avcodec_find_decoder_by_name(codec == AV_CODEC_ID_VP8 ? kOpacityVp8 : kOpacityVp9);
}

}  // namespace telecine::media
