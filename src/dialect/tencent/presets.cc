#include "dialect/tencent/presets.h"

#include <algorithm>
#include <array>

namespace telecine::tencent {
namespace {

/// A level of quality in three wrappings. 0: there is no such template.
struct VideoRow {
  int mp4;
  int hls;
  int flv;
  std::string_view codec;
  int width;  ///< px; 0: as the height has it
  int height;
  int kbit;
  int frame_rate;
};
constexpr std::array kVideo = {
    VideoRow{10, 210, 10046, "h264", 320, 0, 256, 24},
    VideoRow{20, 220, 10047, "h264", 640, 0, 512, 24},
    VideoRow{30, 230, 10048, "h264", 1280, 0, 1024, 24},
    VideoRow{40, 240, 10049, "h264", 1920, 0, 2500, 24},
    VideoRow{70, 270, 370, "h264", 0, 1440, 3072, 30},
    VideoRow{80, 280, 380, "h264", 0, 2160, 6144, 30},
    // The oldest pages' numbers for FLV.
    VideoRow{0, 0, 110, "h264", 320, 0, 256, 24},
    VideoRow{0, 0, 120, "h264", 640, 0, 512, 24},
    VideoRow{0, 0, 130, "h264", 1280, 0, 1024, 24},
    VideoRow{510, 610, 710, "h265", 0, 240, 250, 15},
    VideoRow{520, 620, 720, "h265", 0, 480, 600, 24},
    VideoRow{530, 630, 730, "h265", 0, 720, 800, 25},
    VideoRow{540, 640, 740, "h265", 0, 1080, 1400, 30},
    VideoRow{570, 670, 770, "h265", 0, 1440, 2048, 30},
    VideoRow{580, 680, 780, "h265", 0, 2160, 4096, 30},
};

struct SoundRow {
  int definition;
  std::string_view container;
  std::string_view codec;
  int kbit;
};
constexpr std::array kSound = {
    SoundRow{1100, "m4a", "aac", 24},  SoundRow{1110, "m4a", "aac", 48},
    SoundRow{1120, "m4a", "aac", 96},  SoundRow{1130, "m4a", "aac", 192},
    SoundRow{1140, "m4a", "aac", 256}, SoundRow{1010, "mp3", "mp3", 128},
    SoundRow{1020, "mp3", "mp3", 320},
};

/// The source's streams in another wrapping.
constexpr int kRemuxHls = 6;
constexpr int kRemuxMp4 = 9;

struct AnimationRow {
  int definition;
  std::string_view container;
};
constexpr std::array kAnimations = {AnimationRow{20'000, "gif"}, AnimationRow{20'001, "webp"}};
constexpr int kAnimationRate = 2;  // frames/s

constexpr int kStill = 10;  // the one template of each kind of picture
constexpr int kSampleEveryPercent = 10;
constexpr int kGopFrames = 240;
constexpr std::int64_t kSoundBeside = 48'000;  // bit/s, in files with pictures

json::object sound(std::string_view codec, std::int64_t bitrate) {
  return {{"codec", codec}, {"bitrate", bitrate}, {"channels", 2}, {"sample_rate", 44'100}};
}

json::object picture(const VideoRow& row) {
  json::object o{{"codec", row.codec},
                 {"profile", row.codec == "h264" ? "high" : "main"},
                 {"bitrate", row.kbit * 1000},
                 {"max_frame_rate", row.frame_rate},
                 {"gop", static_cast<double>(kGopFrames) / row.frame_rate}};
  if (row.width > 0) o["width"] = row.width;
  if (row.height > 0) o["height"] = row.height;
  return o;
}

json::object hls(const VideoRow& row) {
  json::object rendition{
      {"name", "v"}, {"video", picture(row)}, {"audio", sound("aac", kSoundBeside)}};
  json::object o{{"type", "hls"}, {"renditions", json::array{std::move(rendition)}}};
  if (row.codec == "h264") o["segments"] = "ts";
  return o;
}

json::object file(const VideoRow& row, std::string_view container) {
  return {{"type", "video"},
          {"container", container},
          {"video", picture(row)},
          {"audio", sound(container == "flv" ? "mp3" : "aac", kSoundBeside)}};
}

json::object remux(int definition) {
  const json::object copy{{"codec", "copy"}};
  if (definition == kRemuxMp4) {
    return {{"type", "video"}, {"container", "mp4"}, {"video", copy}, {"audio", copy}};
  }
  json::object rendition{{"name", "v"}, {"video", copy}, {"audio", copy}};
  return {{"type", "hls"}, {"segments", "ts"}, {"renditions", json::array{std::move(rendition)}}};
}

std::optional<json::object> described(int definition) {
  if (definition <= 0) return std::nullopt;
  if (definition == kRemuxHls || definition == kRemuxMp4) return remux(definition);
  for (const VideoRow& row : kVideo) {
    if (row.mp4 == definition) return file(row, "mp4");
    if (row.hls == definition) return hls(row);
    if (row.flv == definition) return file(row, "flv");
  }
  for (const SoundRow& row : kSound) {
    if (row.definition != definition) continue;
    return json::object{{"type", "video"},
                        {"container", row.container},
                        {"video", false},
                        {"audio", sound(row.codec, row.kbit * 1000)}};
  }
  return std::nullopt;
}

/// Outputs are asked for in the words of a task's document: what this engine cannot make, its
/// reader refuses.
std::optional<OutputSpec> made(json::object description, const std::string& name) {
  description["name"] = name;
  auto spec = output_spec_from(description, "");
  if (!spec) return std::nullopt;
  return std::move(*spec);
}

}  // namespace

std::optional<OutputSpec> transcode_output(int definition) {
  auto description = described(definition);
  if (!description) return std::nullopt;
  return made(std::move(*description), "f" + std::to_string(definition));
}

std::optional<OutputSpec> cover_output(int definition, const Position& at) {
  if (definition != kStill) return std::nullopt;
  auto spec = made({{"type", "cover"}, {"format", "jpg"}}, "cover");
  if (spec) spec->still.at = at;
  return spec;
}

std::optional<OutputSpec> sample_output(int definition) {
  if (definition != kStill) return std::nullopt;
  return made({{"type", "snapshots"}, {"format", "jpg"}, {"every_percent", kSampleEveryPercent}},
              "sample");
}

std::optional<OutputSpec> snapshot_output(int definition, const std::vector<Millis>& times) {
  if (definition != kStill || times.empty()) return std::nullopt;
  json::array list;
  for (const Millis time : times) list.emplace_back(to_seconds(time));
  return made({{"type", "snapshots"}, {"format", "jpg"}, {"times", std::move(list)}}, "times");
}

std::optional<OutputSpec> animation_output(int definition, double start, double end) {
  const auto row = std::ranges::find(kAnimations, definition, &AnimationRow::definition);
  if (row == kAnimations.end()) return std::nullopt;
  return made({{"type", "video"},
               {"container", row->container},
               {"video", json::object{{"max_frame_rate", kAnimationRate}}},
               {"start", start},
               {"end", end}},
              "a" + std::to_string(definition));
}

std::optional<OutputSpec> sprite_output(int definition) {
  if (definition != kStill) return std::nullopt;
  return made({{"type", "sprites"},
               {"format", "jpg"},
               {"width", 142},
               {"height", 80},
               {"columns", 10},
               {"rows", 10},
               {"every", kSpriteSeconds}},
              "sprites");
}

std::optional<OutputSpec> master_output(const std::vector<OutputSpec>& outputs) {
  OutputSpec master;
  for (const OutputSpec& output : outputs) {
    if (output.type != OutputType::kHls) continue;
    Rendition rendition = output.renditions.front();
    if (copies(rendition)) continue;  // its keyframes are where they are
    // Those of one master have segments of one kind, which all players of it must know.
    if (master.renditions.empty()) master.segments = output.segments;
    if (output.segments != master.segments) continue;
    rendition.name = output.name;
    master.segment = output.segment;
    master.renditions.push_back(std::move(rendition));
  }
  if (master.renditions.empty()) return std::nullopt;
  master.name = "f" + std::to_string(kMasterPlaylist);
  master.type = OutputType::kHls;
  return master;
}

Result<OutputSpec> clip_output(double start, double end) {
  constexpr int kLikeTheSource = 18;  // crf: what eyes do not tell apart
  json::object description{{"name", "clip"},
                           {"type", "video"},
                           {"container", "mp4"},
                           {"video", json::object{{"crf", kLikeTheSource}}},
                           {"audio", json::object{{"bitrate", 192'000}}}};
  if (start != 0) description["start"] = start;
  if (end != 0) description["end"] = end;
  return output_spec_from(description, "");
}

}  // namespace telecine::tencent
