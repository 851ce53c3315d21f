#include "task/rendition.h"

#include <algorithm>
#include <cmath>

namespace telecine {
namespace {

constexpr std::int64_t kMaxBitrate = 400'000'000;
constexpr int kMaxSide = 8192;

/// ISO/IEC 14496-3, table 1.18.
constexpr std::array kSampleRates = {8000,  11025, 12000, 16000, 22050, 24000,
                                     32000, 44100, 48000, 64000, 88200, 96000};

int even(double side) {
  return std::max(2, static_cast<int>(std::lround(side / 2.0)) * 2);
}

Millis to_ms(double seconds) {
  return static_cast<Millis>(std::llround(seconds * 1000.0));
}

void read_size(ObjectReader& in, PictureSize& size) {
  size.width = static_cast<int>(in.integer("width", 2, kMaxSide).value_or(0));
  size.height = static_cast<int>(in.integer("height", 2, kMaxSide).value_or(0));
  size.short_side = static_cast<int>(in.integer("short_side", 2, kMaxSide).value_or(0));
  size.enlarge = in.boolean("enlarge").value_or(false);
  size.exact = in.boolean("exact").value_or(false);
  if (size.exact && (size.width == 0 || size.height == 0)) {
    in.refuse("exact", "needs both width and height");
  }
  if (size.short_side > 0 && (size.width > 0 || size.height > 0)) {
    in.refuse("short_side", "give either short_side or width and height, not both");
  }
}

void write_size(json::object& o, const PictureSize& size) {
  if (size.width > 0) o["width"] = size.width;
  if (size.height > 0) o["height"] = size.height;
  if (size.short_side > 0) o["short_side"] = size.short_side;
  if (size.enlarge) o["enlarge"] = true;
  if (size.exact) o["exact"] = true;
}

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

void read_encoding(ObjectReader& in, VideoOptions& v) {
  v.preset = in.choice<Preset>("preset").value_or(v.preset);
  v.profile = in.choice<Profile>("profile").value_or(v.profile);
  if (v.codec != VideoCodec::kH264 && v.profile != Profile::kAuto && v.profile != Profile::kMain) {
    in.refuse("profile", std::string(name_of(v.codec)) + " is made in the profile main only");
  }
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

Result<VideoOptions> video_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  VideoOptions v;
  v.codec = in.choice<VideoCodec>("codec").value_or(v.codec);
  if (v.codec == VideoCodec::kCopy) {
    if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
    return v;
  }
  read_encoding(in, v);
  read_size(in, v.size);
  v.max_frame_rate = in.number("max_frame_rate", 1, 240).value_or(0);
  v.gop = to_ms(in.number("gop", 0.1, 60).value_or(0));
  v.scene_cuts = in.boolean("scene_cuts").value_or(true);
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return v;
}

// MPEG-1 and MPEG-2 layer III: two channels, 48 kHz and 320 kbit/s at the most.
void refuse_beyond_mp3(ObjectReader& in, const AudioOptions& a) {
  if (a.bitrate > 320'000) in.refuse("bitrate", "mp3 has at most 320000 bit/s");
  if (a.channels > 2) in.refuse("channels", "mp3 has at most 2 channels");
  if (a.sample_rate > 48'000) in.refuse("sample_rate", "mp3 has at most 48000 Hz");
}

Result<AudioOptions> audio_from(const json::value& value, const std::string& path) {
  ObjectReader in(value, path);
  AudioOptions a;
  a.codec = in.choice<AudioCodec>("codec").value_or(a.codec);
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
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return a;
}

json::object video_json(const VideoOptions& v) {
  json::object o;
  o["codec"] = name_of(v.codec);
  if (v.codec == VideoCodec::kCopy) return o;
  o["preset"] = name_of(v.preset);
  o["profile"] = name_of(v.profile);
  if (v.rate.crf) o["crf"] = *v.rate.crf;
  if (v.rate.bitrate) o["bitrate"] = *v.rate.bitrate;
  if (v.rate.max_rate) o["max_rate"] = *v.rate.max_rate;
  if (v.rate.buffer) o["buffer"] = *v.rate.buffer;
  write_size(o, v.size);
  if (v.max_frame_rate > 0) o["max_frame_rate"] = v.max_frame_rate;
  if (v.gop > 0) o["gop"] = static_cast<double>(v.gop) / 1000.0;
  o["scene_cuts"] = v.scene_cuts;
  return o;
}

json::object audio_json(const AudioOptions& a) {
  json::object o;
  o["codec"] = name_of(a.codec);
  if (a.codec == AudioCodec::kCopy) return o;
  if (a.codec != AudioCodec::kFlac) o["bitrate"] = a.bitrate;
  if (a.channels > 0) o["channels"] = a.channels;
  if (a.sample_rate > 0) o["sample_rate"] = a.sample_rate;
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

Dimensions fit(const PictureSize& wanted, Dimensions source) {
  if (wanted.exact) return {even(wanted.width), even(wanted.height)};
  const double w = std::max(1, source.width);
  const double h = std::max(1, source.height);
  double factor = 1.0;
  if (wanted.short_side > 0)
    factor = wanted.short_side / std::min(w, h);
  else if (wanted.width > 0 && wanted.height > 0) {
    factor = std::min(wanted.width / w, wanted.height / h);
  } else if (wanted.width > 0)
    factor = wanted.width / w;
  else if (wanted.height > 0)
    factor = wanted.height / h;
  if (factor > 1.0 && !wanted.enlarge) factor = 1.0;
  Dimensions out{even(w * factor), even(h * factor)};
  if (factor >= 1.0 && !wanted.enlarge) {
    // Rounding up to an even side would be enlarging.
    out = {std::max(2, source.width / 2 * 2), std::max(2, source.height / 2 * 2)};
  }
  return out;
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
  r.video = read_part<VideoOptions>(in, "video", video_from);
  r.audio = read_part<AudioOptions>(in, "audio", audio_from);
  if (in.ok() && !r.video && !r.audio) in.refuse("video", "video and audio cannot both be false");
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return r;
}

}  // namespace telecine
