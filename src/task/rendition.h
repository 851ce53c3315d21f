#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/names.h"
#include "base/time.h"

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

/// Size of the picture a viewer sees, in px. At most one way of naming it: width, height, or both
/// (the picture fits inside, aspect kept), or the short side. None: the source's size. The result
/// is even in both directions and never larger than the source unless `enlarge`.
struct PictureSize {
  int width = 0;
  int height = 0;
  int short_side = 0;
  bool enlarge = false;
  bool exact = false;  ///< with width and height: just these, whatever becomes of the aspect
  bool operator==(const PictureSize&) const = default;
};

struct Dimensions {
  int width = 0;
  int height = 0;
  bool operator==(const Dimensions&) const = default;
};

/// The size `wanted` means for a displayed source of the given size.
Dimensions fit(const PictureSize& wanted, Dimensions source);

struct VideoOptions {
  VideoCodec codec = VideoCodec::kH264;
  Preset preset = Preset::kVeryfast;
  Profile profile = Profile::kAuto;  ///< kAuto: the encoder's for 8-bit 4:2:0. Others than H.264
                                     ///< have only Main
  RateControl rate;
  PictureSize size;
  double max_frame_rate = 0;  ///< frames/s; 0 keeps the source's. Lowers, never raises
  Millis gop = 0;             ///< largest distance of keyframes; 0: 2 s in HLS, 10 s elsewhere
  bool scene_cuts = true;     ///< extra keyframes at cuts; HLS always goes without
  bool operator==(const VideoOptions&) const = default;
};

struct AudioOptions {
  AudioCodec codec = AudioCodec::kAac;
  std::int64_t bitrate = 128'000;  ///< bit/s; MP3: at most 320 kbit/s, and the nearest it has. FLAC
                                   ///< has none
  int channels = 0;                ///< 0 keeps the source's, at most 2. MP3: at most 2
  int sample_rate = 0;             ///< Hz; 0 keeps the source's where the codec can, else 48000
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
