#include "task/facts.h"

#include <cmath>

#include "base/json.h"

namespace telecine {
namespace {

json::value ratio_json(Ratio ratio) {
  if (ratio.den == 0) return nullptr;
  return json::value(std::to_string(ratio.num) + "/" + std::to_string(ratio.den));
}

Millis ms(const LooseReader& in, std::string_view key) {
  return to_millis(in.number(key));
}

Ratio ratio(const LooseReader& in, std::string_view key) {
  Ratio out;
  const std::string t = in.text(key);
  if (const auto slash = t.find('/'); slash != std::string::npos) {
    out.num = std::atoi(t.c_str());
    out.den = std::atoi(t.c_str() + slash + 1);
  }
  return out;
}

template <typename T, typename Make>
std::vector<T> list_of(const LooseReader& in, std::string_view key, Make make) {
  std::vector<T> out;
  for (const auto& item : in.list(key)) out.push_back(make(LooseReader(item)));
  return out;
}

json::object video_json(const VideoFacts& v) {
  json::object o;
  o["index"] = v.index;
  o["codec"] = v.codec;
  o["profile"] = v.profile;
  o["level"] = v.level;
  o["coded_width"] = v.coded_width;
  o["coded_height"] = v.coded_height;
  o["width"] = v.width;
  o["height"] = v.height;
  o["sar"] = ratio_json(v.sar);
  o["rotation"] = v.rotation;
  o["mirrored"] = v.mirrored;
  o["frame_rate"] = ratio_json(v.frame_rate);
  o["constant_frame_rate"] = v.constant_frame_rate;
  o["frames"] = v.frames;
  o["duration"] = to_seconds(v.duration);
  o["start"] = to_seconds(v.start);
  o["bitrate"] = v.bitrate;
  o["pixel_format"] = v.pixel_format;
  o["bit_depth"] = v.bit_depth;
  o["color_range"] = v.color_range;
  o["color_primaries"] = v.color_primaries;
  o["color_transfer"] = v.color_transfer;
  o["color_space"] = v.color_space;
  o["field_order"] = v.field_order;
  if (v.hdr) {
    o["hdr"] = {{"max_luminance", v.hdr->max_luminance},
                {"min_luminance", v.hdr->min_luminance},
                {"max_cll", v.hdr->max_cll},
                {"max_fall", v.hdr->max_fall},
                {"dolby_vision", v.hdr->dolby_vision}};
  }
  o["language"] = v.language;
  o["attached_picture"] = v.attached_picture;
  o["default"] = v.is_default;
  return o;
}

VideoFacts video_from(const LooseReader& in) {
  VideoFacts v;
  v.index = in.small("index");
  v.codec = in.text("codec");
  v.profile = in.text("profile");
  v.level = in.small("level");
  v.coded_width = in.small("coded_width");
  v.coded_height = in.small("coded_height");
  v.width = in.small("width");
  v.height = in.small("height");
  v.sar = ratio(in, "sar");
  v.rotation = in.small("rotation");
  v.mirrored = in.flag("mirrored");
  v.frame_rate = ratio(in, "frame_rate");
  v.constant_frame_rate = in.flag("constant_frame_rate");
  v.frames = in.integer("frames");
  v.duration = ms(in, "duration");
  v.start = ms(in, "start");
  v.bitrate = in.integer("bitrate");
  v.pixel_format = in.text("pixel_format");
  v.bit_depth = in.small("bit_depth");
  v.color_range = in.text("color_range");
  v.color_primaries = in.text("color_primaries");
  v.color_transfer = in.text("color_transfer");
  v.color_space = in.text("color_space");
  v.field_order = in.text("field_order");
  if (const auto* hdr = in.at("hdr"); hdr != nullptr) {
    const LooseReader h(*hdr);
    v.hdr = HdrFacts{h.number("max_luminance"), h.number("min_luminance"), h.small("max_cll"),
                     h.small("max_fall"), h.flag("dolby_vision")};
  }
  v.language = in.text("language");
  v.attached_picture = in.flag("attached_picture");
  v.is_default = in.flag("default");
  return v;
}

json::object audio_json(const AudioFacts& a) {
  return {{"index", a.index},
          {"codec", a.codec},
          {"profile", a.profile},
          {"channels", a.channels},
          {"layout", a.layout},
          {"sample_rate", a.sample_rate},
          {"sample_format", a.sample_format},
          {"bitrate", a.bitrate},
          {"duration", to_seconds(a.duration)},
          {"start", to_seconds(a.start)},
          {"language", a.language},
          {"title", a.title},
          {"default", a.is_default}};
}

AudioFacts audio_from(const LooseReader& in) {
  AudioFacts a;
  a.index = in.small("index");
  a.codec = in.text("codec");
  a.profile = in.text("profile");
  a.channels = in.small("channels");
  a.layout = in.text("layout");
  a.sample_rate = in.small("sample_rate");
  a.sample_format = in.text("sample_format");
  a.bitrate = in.integer("bitrate");
  a.duration = ms(in, "duration");
  a.start = ms(in, "start");
  a.language = in.text("language");
  a.title = in.text("title");
  a.is_default = in.flag("default");
  return a;
}

json::object subtitle_json(const SubtitleFacts& s) {
  return {{"index", s.index}, {"codec", s.codec},  {"language", s.language},
          {"title", s.title}, {"text", s.is_text}, {"default", s.is_default}};
}

SubtitleFacts subtitle_from(const LooseReader& in) {
  return {in.small("index"), in.text("codec"), in.text("language"),
          in.text("title"),  in.flag("text"),  in.flag("default")};
}

json::object chapter_json(const ChapterFacts& c) {
  return {{"start", to_seconds(c.start)}, {"end", to_seconds(c.end)}, {"title", c.title}};
}

ChapterFacts chapter_from(const LooseReader& in) {
  return {ms(in, "start"), ms(in, "end"), in.text("title")};
}

template <typename T, typename Make>
json::array list_json(const std::vector<T>& items, Make make) {
  json::array out;
  out.reserve(items.size());
  for (const T& item : items) out.emplace_back(make(item));
  return out;
}

}  // namespace

const VideoFacts* MediaFacts::main_video() const {
  const auto rank = [](const VideoFacts& v) {
    return std::pair(v.is_default, static_cast<std::int64_t>(v.width) * v.height);
  };
  const VideoFacts* best = nullptr;
  for (const VideoFacts& v : video) {
    if (v.attached_picture) continue;
    if (best == nullptr || rank(v) > rank(*best)) best = &v;
  }
  return best;
}

const AudioFacts* MediaFacts::main_audio() const {
  for (const AudioFacts& a : audio) {
    if (a.is_default) return &a;
  }
  return audio.empty() ? nullptr : audio.data();
}

json::object to_json(const MediaFacts& facts) {
  json::object o;
  o["container"] = facts.container;
  o["size"] = facts.size;
  o["md5"] = facts.md5;
  o["duration"] = to_seconds(facts.duration);
  o["start"] = to_seconds(facts.start);
  o["bitrate"] = facts.bitrate;
  o["video"] = list_json(facts.video, video_json);
  o["audio"] = list_json(facts.audio, audio_json);
  o["subtitles"] = list_json(facts.subtitles, subtitle_json);
  o["chapters"] = list_json(facts.chapters, chapter_json);
  o["other_streams"] = facts.other_streams;
  return o;
}

MediaFacts media_facts_from(const json::value& value) {
  MediaFacts facts;
  const LooseReader in(value);
  facts.container = in.text("container");
  facts.size = in.integer("size");
  facts.md5 = in.text("md5");
  facts.duration = ms(in, "duration");
  facts.start = ms(in, "start");
  facts.bitrate = in.integer("bitrate");
  facts.video = list_of<VideoFacts>(in, "video", video_from);
  facts.audio = list_of<AudioFacts>(in, "audio", audio_from);
  facts.subtitles = list_of<SubtitleFacts>(in, "subtitles", subtitle_from);
  facts.chapters = list_of<ChapterFacts>(in, "chapters", chapter_from);
  facts.other_streams = in.small("other_streams");
  return facts;
}

}  // namespace telecine
