#include "work/report.h"

#include <array>
#include <charconv>
#include <cmath>

namespace telecine {
namespace {

double rounded(double value, double step) {
  return std::round(value * step) / step;
}
double share(double value) {
  return rounded(value, 10'000);
}
double score(double value) {
  return rounded(value, 100);
}
double decibel(double value) {
  return rounded(value, 10);
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value(text);
}

json::value decibel_or_null(const std::optional<double>& value) {
  if (!value) return nullptr;
  return decibel(*value);
}

/// libav's demuxers answer for several formats; the usual name of what is in such a file.
std::string format_name(const std::string& container) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kUsual = {
      {{"mov,mp4,m4a,3gp,3g2,mj2", "mp4"}, {"matroska,webm", "matroska"}}};
  for (const auto& [long_name, name] : kUsual) {
    if (container == long_name) return std::string(name);
  }
  return container.substr(0, container.find(','));
}

json::value hdr_name(const VideoFacts& video) {
  if (video.hdr && video.hdr->dolby_vision) return json::value("dolby_vision");
  if (video.color_transfer == "smpte2084") return json::value("hdr10");
  if (video.color_transfer == "arib-std-b67") return json::value("hlg");
  return nullptr;
}

json::object video_json(const VideoFacts& video) {
  return {
      {"codec", video.codec},
      {"profile", text_or_null(video.profile)},
      {"width", video.coded_width},
      {"height", video.coded_height},
      {"display_width", video.width},
      {"display_height", video.height},
      {"rotation", video.rotation},
      {"sample_aspect_ratio", std::to_string(video.sar.num) + ":" + std::to_string(video.sar.den)},
      {"frame_rate", rounded(video.frame_rate.value(), 1000)},
      {"frame_rate_mode", video.constant_frame_rate ? "constant" : "variable"},
      {"frames", video.frames},
      {"pixel_format", video.pixel_format},
      {"bit_depth", video.bit_depth},
      {"color",
       {{"primaries", text_or_null(video.color_primaries)},
        {"transfer", text_or_null(video.color_transfer)},
        {"matrix", text_or_null(video.color_space)},
        {"range", text_or_null(video.color_range)}}},
      {"hdr", hdr_name(video)}};
}

json::object media_json(const MediaFacts& source) {
  json::object o{{"format", format_name(source.container)},
                 {"duration", to_seconds(source.duration)},
                 {"size", source.size},
                 {"bit_rate", source.bitrate},
                 {"video", nullptr}};
  if (const VideoFacts* video = source.main_video()) o["video"] = video_json(*video);
  json::array audio;
  for (const AudioFacts& a : source.audio) {
    audio.emplace_back(json::object{{"codec", a.codec},
                                    {"channels", a.channels},
                                    {"layout", text_or_null(a.layout)},
                                    {"sample_rate", a.sample_rate},
                                    {"language", text_or_null(a.language)}});
  }
  o["audio"] = std::move(audio);
  json::array subtitles;
  for (const SubtitleFacts& s : source.subtitles) {
    subtitles.emplace_back(
        json::object{{"codec", s.codec}, {"language", text_or_null(s.language)}});
  }
  o["subtitles"] = std::move(subtitles);
  json::array chapters;
  for (const ChapterFacts& c : source.chapters) {
    chapters.emplace_back(json::object{
        {"start", to_seconds(c.start)}, {"end", to_seconds(c.end)}, {"title", c.title}});
  }
  o["chapters"] = std::move(chapters);
  return o;
}

json::object run_json(const AnalysisRun& run) {
  json::object o{{"name", name_of(run.analysis)}, {"status", name_of(run.state)}};
  if (run.state == AnalysisState::kSkipped) {
    o["reason"] = run.reason;
    return o;
  }
  o["elapsed"] = to_seconds(run.elapsed);
  if (run.samples > 0) o["samples"] = run.samples;
  if (run.error) {
    o["error"] = json::object{{"code", name_of(run.error->code)}, {"message", run.error->message}};
  }
  return o;
}

json::array spans_json(const std::vector<TimeSpan>& spans) {
  json::array out;
  for (const TimeSpan& span : spans) {
    out.emplace_back(
        json::object{{"start", to_seconds(span.start)}, {"end", to_seconds(span.end)}});
  }
  return out;
}

json::array shots_json(const std::vector<Shot>& shots) {
  json::array out;
  for (std::size_t i = 0; i < shots.size(); ++i) {
    json::object o{{"index", i},
                   {"start", to_seconds(shots[i].span.start)},
                   {"end", to_seconds(shots[i].span.end)},
                   {"score", nullptr}};
    if (shots[i].score) o["score"] = score(*shots[i].score);
    out.emplace_back(std::move(o));
  }
  return out;
}

json::value crop_json(const std::optional<Box>& crop) {
  if (!crop) return nullptr;
  const bool across = crop->height < 1;
  const bool beside = crop->width < 1;
  return json::object{{"left", share(crop->left)},
                      {"top", share(crop->top)},
                      {"width", share(crop->width)},
                      {"height", share(crop->height)},
                      {"bars", across && beside ? "windowbox"
                               : across         ? "letterbox"
                                                : "pillarbox"}};
}

json::object scan_json(const ScanFacts& scan) {
  return {{"type", scan.type()},
          {"tff", scan.top_first},
          {"bff", scan.bottom_first},
          {"progressive", scan.progressive},
          {"undetermined", scan.undetermined}};
}

json::object loudness_json(const LoudnessFacts& loudness) {
  return {{"integrated", decibel_or_null(loudness.integrated)},
          {"range", decibel_or_null(loudness.range)},
          {"true_peak", decibel_or_null(loudness.true_peak)},
          {"threshold", decibel_or_null(loudness.threshold)},
          {"units", {{"integrated", "LUFS"}, {"range", "LU"}, {"true_peak", "dBTP"}}}};
}

json::object spread_json(const Spread& spread) {
  return {{"mean", score(spread.mean)}, {"min", score(spread.min)}, {"max", score(spread.max)}};
}

json::object quality_json(const QualityFacts& quality) {
  return {{"interval", to_seconds(quality.interval)},
          {"blur", spread_json(quality.blur)},
          {"blockiness", spread_json(quality.blockiness)},
          {"luma", spread_json(quality.luma)},
          {"saturation", spread_json(quality.saturation)}};
}

void add_findings(const AnalysisFacts& facts, json::object& o) {
  const auto done = [&](Analysis analysis) { return facts.is_done(analysis); };
  if (done(Analysis::kShots)) o["shots"] = shots_json(facts.shots);
  if (done(Analysis::kBlack)) o["black"] = spans_json(facts.black);
  if (done(Analysis::kFreeze)) o["freeze"] = spans_json(facts.freeze);
  if (done(Analysis::kCrop)) o["crop"] = crop_json(facts.crop);
  if (done(Analysis::kScan)) o["scan"] = scan_json(facts.scan);
  if (done(Analysis::kSilence)) o["silence"] = spans_json(facts.silence);
  if (done(Analysis::kLoudness)) o["loudness"] = loudness_json(facts.loudness);
  if (done(Analysis::kQuality)) o["quality"] = quality_json(facts.quality);
}

std::string plain_number(double value) {
  std::array<char, 64> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  std::string out(text.data(), end.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

void write(const json::value& value, int depth, std::string& out) {
  constexpr int kLines = 2;  // deeper, everything stands in one line
  const auto separate = [&](bool first) {
    if (!first) out += ",";
    if (depth < kLines)
      out += "\n" + std::string(static_cast<std::size_t>(depth) + 1, ' ');
    else if (!first)
      out += " ";
  };
  bool first = true;
  if (const auto* object = value.if_object()) {
    out += "{";
    for (const auto& item : *object) {
      separate(std::exchange(first, false));
      out += json::serialize(json::value(item.key())) + ": ";
      write(item.value(), depth + 1, out);
    }
    out += "}";
  } else if (const auto* array = value.if_array()) {
    out += "[";
    for (const auto& item : *array) {
      separate(std::exchange(first, false));
      write(item, depth + 1, out);
    }
    out += "]";
  } else if (value.is_double()) {
    out += plain_number(value.get_double());
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

json::object report_document(const Task& task, const MediaFacts& source, const AnalysisFacts& facts,
                             const ReportEngine& engine, Millis now) {
  json::object o;
  o["version"] = "1.0";
  o["task_id"] = task.id.hex();
  o["task_number"] = task.id.key;
  o["created"] = rfc3339(now).substr(0, 19) + "Z";
  o["engine"] = json::object{{"telecine", engine.telecine}, {"ffmpeg", engine.ffmpeg}};
  o["media"] = media_json(source);
  json::array runs;
  for (const AnalysisRun& run : facts.runs) runs.emplace_back(run_json(run));
  o["analyses"] = std::move(runs);
  add_findings(facts, o);
  json::array warnings;
  for (const std::string& warning : facts.warnings) warnings.emplace_back(warning);
  o["warnings"] = std::move(warnings);
  return o;
}

std::string readable_json(const json::object& document) {
  std::string out;
  write(document, 0, out);
  return out + "\n";
}

}  // namespace telecine
