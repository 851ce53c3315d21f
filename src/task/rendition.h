#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "base/time.h"
#include "task/picture.h"
#include "task/tracks.h"

namespace telecine {

/// kCopy: the source's own stream, packet by packet, with no other option. kGif and kWebp are
/// moving pictures in files of their own.
enum class VideoCodec : std::uint8_t { kH264, kH265, kAv1, kVp9, kGif, kWebp, kCopy };
template <>
inline constexpr auto kNames<VideoCodec> =
    std::to_array<Named<VideoCodec>>({{VideoCodec::kH264, "h264"},
                                      {VideoCodec::kH265, "h265"},
                                      {VideoCodec::kAv1, "av1"},
                                      {VideoCodec::kVp9, "vp9"},
                                      {VideoCodec::kGif, "gif"},
                                      {VideoCodec::kWebp, "webp"},
                                      {VideoCodec::kCopy, "copy"}});

enum class AudioCodec : std::uint8_t { kAac, kMp3, kOpus, kFlac, kCopy };
template <>
inline constexpr auto kNames<AudioCodec> =
    std::to_array<Named<AudioCodec>>({{AudioCodec::kAac, "aac"},
                                      {AudioCodec::kMp3, "mp3"},
                                      {AudioCodec::kOpus, "opus"},
                                      {AudioCodec::kFlac, "flac"},
                                      {AudioCodec::kCopy, "copy"}});

/// Speed against compression, in x264's names, which x265 shares; the others' numbered scales are
/// laid beside it.
enum class Preset : std::uint8_t {
  kUltrafast,
  kSuperfast,
  kVeryfast,
  kFaster,
  kFast,
  kMedium,
  kSlow,
  kSlower,
  kVeryslow
};
template <>
inline constexpr auto kNames<Preset> =
    std::to_array<Named<Preset>>({{Preset::kUltrafast, "ultrafast"},
                                  {Preset::kSuperfast, "superfast"},
                                  {Preset::kVeryfast, "veryfast"},
                                  {Preset::kFaster, "faster"},
                                  {Preset::kFast, "fast"},
                                  {Preset::kMedium, "medium"},
                                  {Preset::kSlow, "slow"},
                                  {Preset::kSlower, "slower"},
                                  {Preset::kVeryslow, "veryslow"}});

enum class Profile : std::uint8_t { kAuto, kBaseline, kMain, kHigh };
template <>
inline constexpr auto kNames<Profile> =
    std::to_array<Named<Profile>>({{Profile::kAuto, "auto"},
                                   {Profile::kBaseline, "baseline"},
                                   {Profile::kMain, "main"},
                                   {Profile::kHigh, "high"}});

/// How bits are spent. Exactly one of `crf` and `bitrate` is set once defaults are applied.
struct RateControl {
  std::optional<double> crf;             ///< constant quality, 0...most_crf; see default_crf
  std::optional<std::int64_t> bitrate;   ///< average, bit/s
  std::optional<std::int64_t> max_rate;  ///< VBV peak, bit/s: caps either mode
  std::optional<std::int64_t> buffer;    ///< VBV size in bits; default 2 s of max_rate
  bool operator==(const RateControl&) const = default;
};

/// The encoders' own: 23 for H.264, 28 for H.265, 35 for AV1; for VP9 what its makers advise. Of
/// WebP pictures it is the quality left away: 25.
double default_crf(VideoCodec codec);
/// The worst a codec has.
double most_crf(VideoCodec codec);

/// What becomes of pictures that are two interleaved halves.
enum class Deinterlace : std::uint8_t {
  kAuto,  ///< those whose decoded form says so are made whole
  kOn,    ///< all are
  kOff,
};
template <>
inline constexpr auto kNames<Deinterlace> = std::to_array<Named<Deinterlace>>(
    {{Deinterlace::kAuto, "auto"}, {Deinterlace::kOn, "on"}, {Deinterlace::kOff, "off"}});

/// What becomes of a source of high dynamic range (PQ or HLG).
enum class Hdr : std::uint8_t {
  kAuto,  ///< kept in 10 bit, mapped to BT.709 in 8 bit
  kKeep,  ///< kept, in 10 bit
  kSdr,   ///< mapped to BT.709
};
template <>
inline constexpr auto kNames<Hdr> =
    std::to_array<Named<Hdr>>({{Hdr::kAuto, "auto"}, {Hdr::kKeep, "keep"}, {Hdr::kSdr, "sdr"}});

/// What colours pictures are made for.
enum class ColourSpace : std::uint8_t {
  kKeep,   ///< the source's
  kBt709,  ///< converted to BT.709 from whatever they are, high dynamic range too
};
template <>
inline constexpr auto kNames<ColourSpace> = std::to_array<Named<ColourSpace>>(
    {{ColourSpace::kKeep, "keep"}, {ColourSpace::kBt709, "bt709"}});

struct VideoOptions {
  VideoCodec codec = VideoCodec::kH264;
  Preset preset = Preset::kVeryfast;
  Profile profile = Profile::kAuto;  ///< kAuto: the encoder's for 8-bit 4:2:0. Others than H.264
                                     ///< have only Main
  int level = 0;                     ///< ten times its name, see task/levels.h; 0: the encoder's
  RateControl rate;
  int pixel_depth = 8;  ///< bits: 8, or 10 where the codec has it
  Hdr hdr = Hdr::kAuto;
  ColourSpace colour_space = ColourSpace::kKeep;
  PictureSize size;
  Framing framing;
  Deinterlace deinterlace = Deinterlace::kAuto;
  double max_frame_rate = 0;  ///< frames/s; 0 keeps the source's. Lowers, never raises
  double frame_rate = 0;      ///< frames/s, exactly: pictures are left out or shown again
  Millis gop = 0;             ///< largest distance of keyframes; 0: 2 s in HLS, 10 s elsewhere
  bool scene_cuts = true;     ///< extra keyframes at cuts; HLS always goes without
  std::vector<Watermark> watermarks;  ///< the later above the earlier
  std::optional<BurntSubtitles> subtitles;
  bool reuse = true;  ///< copied where the source's stream already is all of this
  bool operator==(const VideoOptions&) const = default;
};

struct AudioOptions {
  AudioCodec codec = AudioCodec::kAac;
  std::int64_t bitrate = 128'000;  ///< bit/s; MP3: at most 320 kbit/s, and the nearest it has. FLAC
                                   ///< has none
  int channels = 0;                ///< 0 keeps the source's, at most 2. MP3: at most 2
  int sample_rate = 0;             ///< Hz; 0 keeps the source's where the codec can, else 48000
  TrackChoice tracks;              ///< of the source's sound; several stand side by side
  double gain = 0;                 ///< dB, before `loudness`
  /// Integrated loudness to be brought to, LUFS by EBU R 128, with true peaks below -1 dBTP.
  std::optional<double> loudness;
  bool reuse = true;  ///< as of pictures
  bool operator==(const AudioOptions&) const = default;
};

/// One encoded variant. Without `video` it is sound only, without `audio` it is mute.
struct Rendition {
  std::string name;  ///< "720p": names files and HLS variants; [a-z0-9_-]
  std::optional<VideoOptions> video;
  std::optional<AudioOptions> audio;
  bool operator==(const Rendition&) const = default;
};

/// Whether a stream of it is taken over from the source.
bool copies(const Rendition& rendition);

boost::json::object to_json(const Rendition& rendition);
/// Strict: unknown fields, wrong types and values out of range are refused by path.
Result<Rendition> rendition_from(const boost::json::value& value, const std::string& path);

}  // namespace telecine
