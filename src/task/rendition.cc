#include "task/rendition.h"

#include <algorithm>
#include <cmath>

#include "task/levels.h"

namespace telecine {
namespace {

constexpr std::int64_t kMaxBitrate = 400'000'000;

/// ISO/IEC 14496-3, table 1.18.
constexpr std::array kSampleRates = {8000,  11025, 12000, 16000, 22050, 24000,
                                     32000, 44100, 48000, 64000, 88200, 96000};

RateControl read_rate(ObjectReader& in, VideoCodec codec) {
  RateControl rate;
  rate.crf = in.number("crf", 0, most_crf(codec));
  rate.bitrate = in.integer("bitrate", 10'000, kMaxBitrate);
  rate.max_rate = in.integer("max_rate", 10'000, kMaxBitrate);
  rate.buffer = in.integer("buffer", 10'000, kMaxBitrate);
  if (rate.crf && rate.bitrate) in.refuse("bitrate", "give either crf or bitrate, not both");
  if (rate.buffer && !rate.max_rate) in.refuse("buffer", "needs max_rate beside it");
  if (rate.bitrate && rate.max_rate && *rate.max_rate < *rate.bitrate) {
    in.refuse("max_rate", "must not be below bitrate");
  }
  if (!rate.crf && !rate.bitrate) rate.crf = default_crf(codec);
  return rate;
}

void read_level(ObjectReader& in, VideoOptions& v) {
  const auto level = in.number("level", 1, 9.9);
  if (!level) return;
  v.level = static_cast<int>(std::lround(*level * 10));
  const bool is_name = std::abs(*level * 10 - v.level) < 1e-6;
  if (is_name && level_of(v.codec, v.level) != nullptr) return;
  const std::string known = levels_listed(v.codec);
  in.refuse("level",
            known.empty() ? "h264 and h265 alone are made for a level" : "must be one of " + known);
}

void read_encoding(ObjectReader& in, VideoOptions& v) {
  v.preset = in.choice<Preset>("preset").value_or(v.preset);
  v.profile = in.choice<Profile>("profile").value_or(v.profile);
  if (v.codec != VideoCodec::kH264 && v.profile != Profile::kAuto && v.profile != Profile::kMain) {
    in.refuse("profile", std::string(name_of(v.codec)) + " is made in the profile main only");
  }
  read_level(in, v);
  if (v.codec == VideoCodec::kGif) return;  // has no rate to control
  v.rate = read_rate(in, v.codec);
  if (v.codec == VideoCodec::kWebp && (v.rate.bitrate || v.rate.max_rate)) {
    in.refuse("crf", "webp takes crf, neither bitrate nor max_rate");
  }
  // SVT-AV1 caps constant quality only.
  if (v.codec == VideoCodec::kAv1 && v.rate.bitrate && v.rate.max_rate) {
    in.refuse("max_rate", "av1 takes it beside crf only");
  }
}

bool has_ten_bit(VideoCodec codec) {
  return codec == VideoCodec::kH264 || codec == VideoCodec::kH265 || codec == VideoCodec::kAv1 ||
         codec == VideoCodec::kVp9;
}

void read_depth(ObjectReader& in, VideoOptions& v) {
  v.hdr = in.choice<Hdr>("hdr").value_or(v.hdr);
  const int usual = v.hdr == Hdr::kKeep ? 10 : 8;
  v.pixel_depth = static_cast<int>(in.integer("pixel_depth", 8, 10).value_or(usual));
  if (v.pixel_depth == 9) in.refuse("pixel_depth", "must be 8 or 10");
  if (v.hdr == Hdr::kKeep && v.pixel_depth == 8) {
    in.refuse("hdr", "high dynamic range is kept in a pixel_depth of 10 only");
  }
  v.colour_space = in.choice<ColourSpace>("color_space").value_or(v.colour_space);
  if (v.hdr == Hdr::kKeep && v.colour_space != ColourSpace::kKeep) {
    in.refuse("color_space", "bt709 is no high dynamic range, which hdr asks to keep");
  }
  if (v.pixel_depth == 10 && !has_ten_bit(v.codec)) {
    in.refuse(in.has("pixel_depth") ? "pixel_depth" : "hdr",
              std::string(name_of(v.codec)) + " has no 10 bit");
  }
  if (v.pixel_depth == 10 && (v.profile == Profile::kBaseline || v.profile == Profile::kMain) &&
      v.codec == VideoCodec::kH264) {
    in.refuse("profile", "h264 of 10 bit is of the profile high");
  }
}

void read_rates(ObjectReader& in, VideoOptions& v) {
  v.max_frame_rate = in.number("max_frame_rate", 1, 240).value_or(0);
  v.frame_rate = in.number("frame_rate", 1, 240).value_or(0);
  if (v.frame_rate > 0 && v.max_frame_rate > 0) {
    in.refuse("frame_rate", "give either frame_rate or max_frame_rate, not both");
  }
}

Result<VideoOptions> video_options_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  VideoOptions v;
  v.codec = in.choice<VideoCodec>("codec").value_or(v.codec);
  if (v.codec == VideoCodec::kCopy) {
    if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
    return v;
  }
  read_encoding(in, v);
  read_depth(in, v);
  read_size(in, v.size);
  read_framing(in, v.framing);
  v.deinterlace = in.choice<Deinterlace>("deinterlace").value_or(v.deinterlace);
  read_rates(in, v);
  v.gop = to_millis(in.number("gop", 0.1, 60).value_or(0));
  v.scene_cuts = in.boolean("scene_cuts").value_or(true);
  v.watermarks = read_watermarks(in);
  v.subtitles = read_burnt_subtitles(in);
  v.reuse = in.boolean("reuse").value_or(true);
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return v;
}

// MPEG-1 and MPEG-2 layer III: two channels, 48 kHz and 320 kbit/s at the most.
void refuse_beyond_mp3(ObjectReader& in, const AudioOptions& a) {
  if (a.bitrate > 320'000) in.refuse("bitrate", "mp3 has at most 320000 bit/s");
  if (a.channels > 2) in.refuse("channels", "mp3 has at most 2 channels");
  if (a.sample_rate > 48'000) in.refuse("sample_rate", "mp3 has at most 48000 Hz");
}

/// true is what EBU R 128 asks for.
std::optional<double> read_loudness(ObjectReader& in) {
  constexpr double kBroadcast = -23;
  const auto* value = in.any("loudness");
  if (value == nullptr) return std::nullopt;
  if (const bool* wanted = value->if_bool()) {
    return *wanted ? std::optional(kBroadcast) : std::nullopt;
  }
  return in.number("loudness", -70, -5);
}

Result<AudioOptions> audio_options_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  AudioOptions a;
  a.codec = in.choice<AudioCodec>("codec").value_or(a.codec);
  a.tracks = read_tracks(in, "tracks").value_or(a.tracks);
  if (a.tracks.kind == TrackChoice::Kind::kNone) {
    in.refuse("tracks", "must name some; for no sound, audio itself is false");
  }
  if (a.codec == AudioCodec::kCopy) {
    if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
    return a;
  }
  if (a.codec == AudioCodec::kFlac && in.has("bitrate")) {
    in.refuse("bitrate", "flac is as large as its sound makes it");
  }
  a.bitrate = in.integer("bitrate", 8'000, 512'000).value_or(a.bitrate);
  a.channels = static_cast<int>(in.integer("channels", 1, 8).value_or(0));
  a.sample_rate = static_cast<int>(in.integer("sample_rate", 8'000, 96'000).value_or(0));
  if (a.sample_rate != 0 && std::ranges::find(kSampleRates, a.sample_rate) == kSampleRates.end()) {
    in.refuse("sample_rate", "must be a rate AAC has, such as 32000, 44100 or 48000");
  }
  if (a.codec == AudioCodec::kMp3) refuse_beyond_mp3(in, a);
  a.gain = in.number("gain", -60, 60).value_or(0);
  a.loudness = read_loudness(in);
  a.reuse = in.boolean("reuse").value_or(true);
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return a;
}

json::object video_json(const VideoOptions& v) {
  json::object o;
  o["codec"] = name_of(v.codec);
  if (v.codec == VideoCodec::kCopy) return o;
  o["preset"] = name_of(v.preset);
  o["profile"] = name_of(v.profile);
  if (v.level > 0) o["level"] = v.level / 10.0;
  if (v.rate.crf) o["crf"] = *v.rate.crf;
  if (v.rate.bitrate) o["bitrate"] = *v.rate.bitrate;
  if (v.rate.max_rate) o["max_rate"] = *v.rate.max_rate;
  if (v.rate.buffer) o["buffer"] = *v.rate.buffer;
  if (v.pixel_depth != 8) o["pixel_depth"] = v.pixel_depth;
  if (v.hdr != Hdr::kAuto) o["hdr"] = name_of(v.hdr);
  if (v.colour_space != ColourSpace::kKeep) o["color_space"] = name_of(v.colour_space);
  write_size(o, v.size);
  write_framing(o, v.framing);
  if (v.deinterlace != Deinterlace::kAuto) o["deinterlace"] = name_of(v.deinterlace);
  if (v.max_frame_rate > 0) o["max_frame_rate"] = v.max_frame_rate;
  if (v.frame_rate > 0) o["frame_rate"] = v.frame_rate;
  if (v.gop > 0) o["gop"] = to_seconds(v.gop);
  o["scene_cuts"] = v.scene_cuts;
  write_watermarks(o, v.watermarks);
  write_burnt_subtitles(o, v.subtitles);
  if (!v.reuse) o["reuse"] = false;
  return o;
}

json::object audio_json(const AudioOptions& a) {
  json::object o;
  o["codec"] = name_of(a.codec);
  if (a.tracks != TrackChoice()) o["tracks"] = to_json(a.tracks);
  if (a.codec == AudioCodec::kCopy) return o;
  if (a.codec != AudioCodec::kFlac) o["bitrate"] = a.bitrate;
  if (a.channels > 0) o["channels"] = a.channels;
  if (a.sample_rate > 0) o["sample_rate"] = a.sample_rate;
  if (a.gain != 0) o["gain"] = a.gain;
  if (a.loudness) o["loudness"] = *a.loudness;
  if (!a.reuse) o["reuse"] = false;
  return o;
}

/// `key` absent: the defaults; false: none; an object: what it says.
template <typename Options, typename Parse>
std::optional<Options> read_part(ObjectReader& in, std::string_view key, Parse parse) {
  const auto* value = in.any(key);
  if (value == nullptr) return parse(json::object(), "").value();
  if (value->is_bool() && !value->get_bool()) return std::nullopt;
  auto options = parse(*value, in.path_of(key));
  if (options) return *options;
  in.refuse(options.error());
  return std::nullopt;
}

}  // namespace

double default_crf(VideoCodec codec) {
  switch (codec) {
    case VideoCodec::kH265:
      return 28;
    case VideoCodec::kAv1:
      return 35;
    case VideoCodec::kVp9:
      return 32;
    case VideoCodec::kWebp:
      return 25;
    default:
      return 23;
  }
}

double most_crf(VideoCodec codec) {
  switch (codec) {
    case VideoCodec::kAv1:
    case VideoCodec::kVp9:
      return 63;
    case VideoCodec::kWebp:
      return 100;
    default:
      return 51;
  }
}

bool copies(const Rendition& rendition) {
  return (rendition.video && rendition.video->codec == VideoCodec::kCopy) ||
         (rendition.audio && rendition.audio->codec == AudioCodec::kCopy);
}

json::object to_json(const Rendition& rendition) {
  json::object o;
  if (!rendition.name.empty()) o["name"] = rendition.name;
  if (rendition.video)
    o["video"] = video_json(*rendition.video);
  else
    o["video"] = false;
  if (rendition.audio)
    o["audio"] = audio_json(*rendition.audio);
  else
    o["audio"] = false;
  return o;
}

Result<Rendition> rendition_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  Rendition r;
  r.name = in.text("name", 32).value_or("");
  constexpr auto kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (r.name.find_first_not_of(kAllowed) != std::string::npos) {
    in.refuse("name", "may have lower-case letters, digits, _ and - only");
  }
  r.video = read_part<VideoOptions>(in, "video", video_options_from);
  r.audio = read_part<AudioOptions>(in, "audio", audio_options_from);
  if (in.ok() && !r.video && !r.audio) in.refuse("video", "video and audio cannot both be false");
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return r;
}

}  // namespace telecine
