#include "dialect/visionular/templates.h"

#include <algorithm>
#include <array>

namespace telecine::visionular {
namespace {

struct Size {
  std::string_view name;  ///< in a template's name
  std::string_view resolution;
  int short_side;
};
constexpr std::array kSizes = {Size{"360p", "360p", 360}, Size{"480p", "480p", 480},
                               Size{"720p", "720p", 720}, Size{"1080p", "1080p", 1080},
                               Size{"2K", "2K", 1440},    Size{"4K", "4K", 2160},
                               Size{"Original", "", 0}};

struct Part {
  std::string_view name;
  std::string_view word;
};
constexpr std::array kFormats = {Part{"MP4", "mp4"}, Part{"HLS", "hls"}};
constexpr std::array kCodecs = {Part{"264", "h264"}, Part{"265", "h265"}, Part{"AV1", "av1"}};
/// FLV players take no more.
constexpr int kMostFlv = 1080;

struct Old {
  std::string_view name;
  int short_side;
  int framerate;
};
/// Those of the first version of the API.
constexpr std::array kOld = {Old{"480p", 480, 25}, Old{"720p", 720, 25}, Old{"1080p", 1080, 30},
                             Old{"origin", 0, 0}};
constexpr int kOldAudio = 64;

/// x264's constant quality for 1…10. A measure of its own per shot would be better: these are fixed
/// steps around the encoder's usual 23, two of which are about a quarter of the bits.
constexpr std::array<double, 11> kCrf = {0, 33, 31, 29, 27, 25, 23, 21.5, 20, 19, 18};
constexpr std::int64_t kAutomaticAudio = 128'000;
constexpr double kSegmentSeconds = 6;

std::vector<Template> make_all() {
  std::vector<Template> all;
  for (const Part& format : kFormats) {
    for (const Part& codec : kCodecs) {
      for (const Size& size : kSizes) {
        const std::string name =
            std::string(format.name) + "_" + std::string(codec.name) + "_" + std::string(size.name);
        all.push_back({name, std::string(format.word), std::string(codec.word),
                       std::string(size.resolution), size.short_side});
      }
    }
  }
  for (const Size& size : kSizes) {
    if (size.short_side > kMostFlv) continue;
    all.push_back({"FLV_264_" + std::string(size.name), "flv", "h264", std::string(size.resolution),
                   size.short_side});
  }
  for (const Old& old : kOld) {
    const std::string resolution = old.short_side > 0 ? std::string(old.name) : "";
    all.push_back({std::string(old.name), "mp4", "h264", resolution, old.short_side, old.framerate,
                   kOldAudio});
  }
  return all;
}

const std::vector<Template>& all_templates() {
  static const std::vector<Template> all = make_all();
  return all;
}

}  // namespace

std::string Template::id() const {
  std::string id = "builtin-" + name;
  std::ranges::replace(id, '_', '-');
  return id;
}

std::string Template::extension() const {
  return format == "hls" ? "m3u8" : format;
}

bool Template::can_be_made() const {
  return vcodec == "h264" && (format == "mp4" || format == "hls");
}

std::span<const Template> built_in_templates() {
  return all_templates();
}

const Template* template_named(std::string_view name) {
  for (const Template& made : all_templates()) {
    if (made.name == name) return &made;
  }
  return nullptr;
}

const Template* template_with_id(std::string_view id) {
  for (const Template& made : all_templates()) {
    if (made.id() == id) return &made;
  }
  return nullptr;
}

OutputSpec output_of(const Template& made) {
  Rendition rendition;
  rendition.name = "video";
  VideoOptions video;
  video.profile = Profile::kHigh;
  video.rate.crf = kCrf.at(static_cast<std::size_t>(made.quality));
  video.size.short_side = made.short_side;
  video.max_frame_rate = made.framerate;
  AudioOptions audio;
  audio.bitrate = made.audio_bitrate > 0 ? made.audio_bitrate * 1000LL : kAutomaticAudio;
  OutputSpec spec;
  spec.name = "video";
  if (made.format == "hls") {
    spec.type = OutputType::kHls;
    spec.segment = static_cast<Millis>(kSegmentSeconds * 1000);
    // Keyframes on a fixed grid only, so that segments are equally long.
    video.scene_cuts = false;
    video.gop = 2000;
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
  o["description"] = "";
  o["format"] = made.format;
  o["vcodec"] = made.vcodec;
  o["acodec"] = "aac";
  o["quality"] = made.quality;
  o["framerate"] = made.framerate;
  o["resolution"] = made.resolution;
  o["audio_bitrate"] = made.audio_bitrate;
  o["template_id"] = made.id();
  if (basic) {
    o["built_in"] = true;
    o["created_at"] = 0;
    return o;
  }
  o["hls_seg_time"] = 0;
  o["logo_path"] = "";
  o["logo_size"] = "";
  o["logo_offset"] = "";
  o["template_type"] = "built-in";
  return o;
}

}  // namespace telecine::visionular
