#include "dialect/visionular/templates.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/text.h"
#include "task/records.h"

namespace telecine::visionular {
namespace {

struct Size {
  std::string_view resolution;
  int short_side;
};
constexpr std::array kSizes = {Size{"360p", 360},   Size{"480p", 480}, Size{"720p", 720},
                               Size{"1080p", 1080}, Size{"2K", 1440},  Size{"4K", 2160}};

/// x264's constant quality for 1…10. A measure of its own per shot would be better: these are fixed
/// steps around the encoder's usual 23, two of which are about a quarter of the bits.
constexpr std::array<double, 11> kCrf = {33, 33, 31, 29, 27, 25, 23, 21.5, 20, 19, 18};
/// What the others are given more for a picture about as good (SSIM, at "veryfast").
constexpr double kCrfOfH265 = 3;
constexpr double kCrfOfAv1 = 12;
constexpr std::int64_t kAutomaticAudio = 128'000;
constexpr int kUsualSegment = 6;
constexpr int kBitsFrom = 1000;
constexpr int kMostSide = 8192;

constexpr std::array<std::string_view, 3> kFormats = {"mp4", "hls", "flv"};

Template built_in(const json::value& document) {
  constexpr int kMost = 128;
  ObjectReader in(document, "templates.json");
  Template made;
  made.name = in.text("name").value_or("");
  made.format = in.text("format").value_or(made.format);
  made.vcodec = in.text("vcodec").value_or(made.vcodec);
  made.resolution = in.text("resolution").value_or("");
  made.framerate = static_cast<int>(in.integer("framerate", 1, kMost).value_or(0));
  made.audio_bitrate = static_cast<int>(in.integer("audio_bitrate", 1, kMost).value_or(0));
  made.id = "builtin-" + made.name;
  std::ranges::replace(made.id, '_', '-');
  const bool known = std::ranges::find(kFormats, made.format) != kFormats.end() &&
                     value_named<VideoCodec>(made.vcodec) && size_of(made.resolution);
  if (made.name.empty() || !known || !check_makeable(made)) {
    in.refuse("name", "does not describe a template: \"" + made.name + "\"");
  }
  if (auto ok = in.finish(); !ok) {
    throw std::logic_error(ok.error().field + " " + ok.error().message);
  }
  return made;
}

std::vector<Template> load_all() {
  std::vector<Template> all;
  for (const json::value& document : built_in_documents("visionular")) {
    all.push_back(built_in(document));
  }
  return all;
}

double crf_of(const Template& made) {
  const double quality = std::clamp(made.quality, 1.0, 10.0);
  const auto below = static_cast<std::size_t>(quality);
  const auto above = std::min(below + 1, kCrf.size() - 1);
  const double share = quality - static_cast<double>(below);
  const double crf = kCrf.at(below) + (kCrf.at(above) - kCrf.at(below)) * share;
  if (made.vcodec == "av1") return crf + kCrfOfAv1;
  return made.vcodec == "h265" ? crf + kCrfOfH265 : crf;
}

VideoOptions video_of(const Template& made) {
  VideoOptions video;
  video.codec = value_named<VideoCodec>(made.vcodec).value_or(VideoCodec::kH264);
  video.profile = video.codec == VideoCodec::kH264 ? Profile::kHigh : Profile::kMain;
  video.rate.crf = crf_of(made);
  video.size = size_of(made.resolution).value_or(PictureSize{});
  video.max_frame_rate = made.framerate;
  return video;
}

std::int64_t audio_bits(const Template& made) {
  if (made.audio_bitrate == 0) return kAutomaticAudio;
  return made.audio_bitrate < kBitsFrom ? made.audio_bitrate * 1000LL : made.audio_bitrate;
}

}  // namespace

std::string Template::extension() const {
  return format == "hls" ? "m3u8" : format;
}

std::span<const Template> built_in_templates() {
  static const std::vector<Template> all = load_all();
  return all;
}

const Template* built_in_named(std::string_view name) {
  const auto all = built_in_templates();
  const auto found = std::ranges::find(all, name, &Template::name);
  return found == all.end() ? nullptr : &*found;
}

std::optional<PictureSize> size_of(std::string_view resolution) {
  PictureSize size;
  if (resolution.empty() || resolution == "0") return size;
  for (const Size& known : kSizes) {
    if (!iequals(known.resolution, resolution)) continue;
    size.short_side = known.short_side;
    return size;
  }
  const auto cross = resolution.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = parse_int(resolution.substr(0, cross));
  const auto height = parse_int(resolution.substr(cross + 1));
  const auto fits = [](auto side) { return side && *side >= 2 && *side <= kMostSide; };
  if (!fits(width) || !fits(height)) return std::nullopt;
  size.width = static_cast<int>(*width);
  size.height = static_cast<int>(*height);
  return size;
}

Answer<void> check_makeable(const Template& made) {
  if (made.format == "flv" && made.vcodec == "av1") {
    return refuse(Code::kBad, "flv holds h264 or h265, not av1");
  }
  return {};
}

OutputSpec output_of(const Template& made) {
  Rendition rendition;
  rendition.name = "video";
  VideoOptions video = video_of(made);
  AudioOptions audio;
  audio.bitrate = audio_bits(made);
  OutputSpec spec;
  spec.name = "video";
  if (made.format == "flv") spec.container = Container::kFlv;
  if (made.format == "hls") {
    const int seconds = made.hls_seg_time > 0 ? made.hls_seg_time : kUsualSegment;
    spec.type = OutputType::kHls;
    spec.segment = seconds * 1000LL;
    spec.segments = video.codec == VideoCodec::kH264 ? SegmentFormat::kTs : SegmentFormat::kFmp4;
    // Keyframes on a fixed grid only, so that segments are equally long.
    video.scene_cuts = false;
    video.gop = seconds % 2 == 0 ? 2000 : 1000;
  }
  rendition.video = video;
  rendition.audio = audio;
  spec.renditions = {rendition};
  return spec;
}

json::object template_document(const Template& made, Generation generation) {
  const bool basic = generation == Generation::kBasic;
  json::object o;
  o[basic ? "template_name" : "name"] = made.name;
  o["description"] = made.description;
  o["format"] = made.format;
  o["vcodec"] = made.vcodec;
  o["acodec"] = "aac";
  o["quality"] = made.quality;
  o["framerate"] = made.framerate;
  o["resolution"] = made.resolution;
  o["audio_bitrate"] = made.audio_bitrate;
  o["template_id"] = made.id;
  o[basic ? "seg_time" : "hls_seg_time"] = made.hls_seg_time;
  if (basic) {
    o["built_in"] = made.is_built_in();
    o["created_at"] = made.created / 1000;
    return o;
  }
  o["logo_path"] = "";
  o["logo_size"] = "";
  o["logo_offset"] = "";
  o["template_type"] = made.is_built_in() ? "built-in" : "custom";
  return o;
}

}  // namespace telecine::visionular
