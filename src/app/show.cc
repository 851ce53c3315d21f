#include "app/show.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace telecine::app {
namespace {

constexpr std::size_t kMostText = 4096;

void line(const std::string& text) {
  std::printf("%s\n", text.c_str());
}

/// Text of a server or a media file may hold anything, escape sequences too.
std::string safe(const std::string& text) {
  return printable(text, kMostText);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  std::string out = text.data();
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string human_bitrate(std::int64_t bits) {
  std::array<char, 32> text{};
  const auto value = static_cast<double>(bits);
  if (bits >= 1'000'000)
    std::snprintf(text.data(), text.size(), "%.1f Mbit/s", value / 1e6);
  else
    std::snprintf(text.data(), text.size(), "%.0f kbit/s", value / 1e3);
  return text.data();
}

void append(std::string& out, const std::string& part) {
  if (part.empty()) return;
  if (!out.empty()) out += ", ";
  out += part;
}

std::string with_profile(const std::string& codec, const std::string& profile) {
  return safe(profile.empty() ? codec : codec + " " + profile);
}

std::string describe_video(const VideoFacts& video) {
  std::string out = std::to_string(video.width) + "x" + std::to_string(video.height);
  if (video.frame_rate.den != 0 && !video.attached_picture) {
    append(out, short_number(video.frame_rate.value()) + " fps");
    if (!video.constant_frame_rate) out += " (variable)";
  }
  append(out, with_profile(video.codec, video.profile));
  if (video.bit_depth > 8) append(out, std::to_string(video.bit_depth) + " bit");
  if (video.hdr) append(out, video.hdr->dolby_vision ? "Dolby Vision" : "HDR");
  return out;
}

std::string describe_audio(const AudioFacts& audio) {
  std::string out = safe(audio.codec);
  if (!audio.layout.empty())
    out += " " + safe(audio.layout);
  else if (audio.channels > 0)
    out += " " + std::to_string(audio.channels) + " channels";
  if (audio.sample_rate > 0) out += " " + std::to_string(audio.sample_rate) + " Hz";
  return out;
}

std::string stream_extras(const std::string& language, const std::string& title, bool is_default) {
  std::string out;
  if (!language.empty() && language != "und") append(out, safe(language));
  if (!title.empty()) append(out, "\"" + safe(title) + "\"");
  if (is_default) append(out, "default");
  return out.empty() ? "" : "  (" + out + ")";
}

std::string rate_of(std::int64_t bitrate) {
  return bitrate > 0 ? ", " + human_bitrate(bitrate) : "";
}

std::string error_text(const json::value& value) {
  const LooseReader in(value);
  return safe(in.text("code") + ": " + in.text("message"));
}

/// Containers that fit a line stay on it.
void write_pretty(const json::value& value, std::size_t indent, std::string& out) {
  constexpr std::size_t kFits = 96;
  const std::string flat = json::serialize(value);
  const bool small = flat.size() + indent <= kFits && indent > 0;
  if (small || !(value.is_object() || value.is_array())) {
    out += flat;
    return;
  }
  const std::string inner(indent + 2, ' ');
  bool first = true;
  const auto next = [&] {
    out += (first ? "\n" : ",\n") + inner;
    first = false;
  };
  out += value.is_object() ? '{' : '[';
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      next();
      out += json::serialize(json::value(member.key())) + ": ";
      write_pretty(member.value(), indent + 2, out);
    }
  } else {
    for (const auto& item : value.get_array()) {
      next();
      write_pretty(item, indent + 2, out);
    }
  }
  if (!first) out += "\n" + std::string(indent, ' ');
  out += value.is_object() ? '}' : ']';
}

std::string percent(double done) {
  return std::to_string(std::lround(done * 100)) + "%";
}

void print_output(const LooseReader& output) {
  constexpr std::size_t kName = 12;
  const std::string indent(2 + kName, ' ');
  std::string text = "  " + padded(safe(output.text("name")), kName) + safe(output.text("type"));
  const std::string state = output.text("state");
  if (state != "succeeded") {
    text += ", " + safe(state);
    if (state == "running") text += " " + percent(output.number("progress"));
  }
  line(text);
  if (const auto* error = output.at("error")) line(indent + error_text(*error));
  const auto& renditions = output.list("renditions");
  const auto* facts = output.at("facts");
  if (facts != nullptr && renditions.empty()) line(indent + describe(media_facts_from(*facts)));
  for (const auto& rendition : renditions) line(indent + describe(media_facts_from(rendition)));
  if (const auto url = output.text("url"); !url.empty()) line(indent + safe(url));
}

}  // namespace

void print_json(const json::value& value) {
  line(json::serialize(value));
}

std::string pretty_json(const json::value& value) {
  std::string out;
  write_pretty(value, 0, out);
  return out;
}

std::string describe(const MediaFacts& facts) {
  std::string out;
  if (const VideoFacts* video = facts.main_video())
    append(out, describe_video(*video));
  else if (!facts.video.empty())
    append(out, describe_video(facts.video.front()));
  if (const AudioFacts* audio = facts.main_audio()) append(out, describe_audio(*audio));
  if (facts.bitrate > 0) append(out, human_bitrate(facts.bitrate));
  if (facts.duration > 0) append(out, human_duration(facts.duration));
  if (facts.size > 0) append(out, human_bytes(facts.size));
  return out;
}

void print_facts(const MediaFacts& facts) {
  line("container  " + safe(facts.container));
  line("duration   " + human_duration(facts.duration));
  if (facts.size > 0) line("size       " + human_bytes(facts.size));
  if (facts.bitrate > 0) line("bitrate    " + human_bitrate(facts.bitrate));
  for (const VideoFacts& video : facts.video) {
    std::string text = describe_video(video) + rate_of(video.bitrate);
    append(text, safe(video.pixel_format));
    append(text, safe(video.color_primaries));
    if (video.rotation != 0) append(text, "rotated " + std::to_string(video.rotation) + "°");
    line((video.attached_picture ? "picture    " : "video      ") + text +
         stream_extras(video.language, "", video.is_default));
  }
  for (const AudioFacts& audio : facts.audio) {
    line("audio      " + describe_audio(audio) + rate_of(audio.bitrate) +
         stream_extras(audio.language, audio.title, audio.is_default));
  }
  for (const SubtitleFacts& subtitle : facts.subtitles) {
    line("subtitle   " + safe(subtitle.codec) +
         stream_extras(subtitle.language, subtitle.title, subtitle.is_default));
  }
  if (!facts.chapters.empty()) line("chapters   " + std::to_string(facts.chapters.size()));
  if (facts.other_streams > 0) line("other      " + std::to_string(facts.other_streams));
}

void print_task(const json::value& document) {
  const LooseReader in(document);
  const std::string state = in.text("state");
  std::string head = "task      " + safe(in.text("id")) + "\nstate     " + safe(state);
  if (state == "running" || state == "downloading" || state == "uploading") {
    head += " " + percent(in.number("progress"));
    if (in.number("speed") > 0) head += ", " + short_number(in.number("speed")) + "x";
  }
  line(head);
  if (const auto* error = in.at("error")) line("error     " + error_text(*error));
  line("input     " + safe(in.text("input")));
  const std::string finished = in.text("finished");
  line("created   " + safe(in.text("created")) +
       (finished.empty() ? "" : ", finished " + safe(finished)));
  if (const auto* source = in.at("source")) {
    line("source    " + describe(media_facts_from(*source)));
  }
  const auto& outputs = in.list("outputs");
  if (!outputs.empty()) line("outputs");
  for (const auto& output : outputs) print_output(LooseReader(output));
}

void print_task_line(const json::value& document) {
  const LooseReader in(document);
  std::string text = safe(in.text("id")) + "  " + padded(safe(in.text("state")), 12);
  text += padded(percent(in.number("progress")), 6) + padded(safe(in.text("kind")), 10);
  line(text + safe(in.text("created")) + "  " + safe(in.text("input")));
}

}  // namespace telecine::app
