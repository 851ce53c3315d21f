#include "dialect/visionular/own_templates.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace telecine::visionular {
namespace {

constexpr auto kRecord = "visionular-template";
constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostDescription = 4096;
constexpr std::array<std::string_view, 3> kOwnFormats = {"mp4", "hls", "flv"};
constexpr std::array<std::string_view, 3> kVideoCodecs = {"h264", "h265", "av1"};
constexpr std::array<int, 6> kAudioBitrates = {0, 32, 48, 64, 96, 128};
/// Fields of the API that would change the picture or the file and that nothing here carries out:
/// said, and not left out in silence.
constexpr std::array<std::string_view, 10> kNotMade = {
    "logo_path", "adaptive_streams", "encryption",        "thumbnail",      "video_bitrate",
    "gop_size",  "gop_seconds",      "audio_sample_rate", "audio_channels", "seg_type"};

json::object record_of(const Template& made) {
  return {{"name", made.name},
          {"description", made.description},
          {"format", made.format},
          {"vcodec", made.vcodec},
          {"resolution", made.resolution},
          {"quality", made.quality},
          {"framerate", made.framerate},
          {"audio_bitrate", made.audio_bitrate},
          {"hls_seg_time", made.hls_seg_time},
          {"id", made.id},
          {"created", made.created}};
}

Template template_from(const json::object& record) {
  const LooseReader in(record);
  Template made;
  made.name = in.text("name");
  made.description = in.text("description");
  made.format = in.text("format");
  made.vcodec = in.text("vcodec");
  made.resolution = in.text("resolution");
  made.quality = in.number("quality");
  made.framerate = in.small("framerate");
  made.audio_bitrate = in.small("audio_bitrate");
  made.hls_seg_time = in.small("hls_seg_time");
  made.id = in.text("id");
  made.created = in.integer("created");
  return made;
}

std::unexpected<Refusal> none() {
  return refuse(Code::kEmpty, "there is no such template");
}

/// Letters of other scripts are everything beyond ASCII but punctuation, spaces and what has no
/// shape of its own.
bool is_letter(char32_t c) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr std::array kOthers = {
      Range{0x80, 0xA9},       Range{0xAB, 0xB4},       Range{0xB6, 0xB9},
      Range{0xBB, 0xBF},       Range{0xD7, 0xD7},       Range{0xF7, 0xF7},
      Range{0x1680, 0x1680},   Range{0x2000, 0x2070},   Range{0x2190, 0x2BFF},
      Range{0x3000, 0x3004},   Range{0x3008, 0x3020},   Range{0xD800, 0xF8FF},
      Range{0xFE00, 0xFE6F},   Range{0xFEFF, 0xFF0F},   Range{0xFFE0, 0xFFFF},
      Range{0x1F000, 0x1FAFF}, Range{0xE0000, 0x10FFFF}};
  return std::ranges::none_of(kOthers, [c](Range r) { return c >= r.first && c <= r.last; });
}

bool may_stand_in_name(char32_t c) {
  if (c >= 0x80) return is_letter(c);
  constexpr std::u32string_view kPlain =
      U"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  return kPlain.find(c) != std::u32string_view::npos;
}

/// Of valid UTF-8.
std::u32string code_points(std::string_view text) {
  std::u32string points;
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if ((c & 0xC0) == 0x80) {
      points.back() = points.back() << 6 | (c & 0x3F);
    } else {
      points += c < 0x80 ? c : c < 0xE0 ? c & 0x1F : c < 0xF0 ? c & 0x0F : c & 0x07;
    }
  }
  return points;
}

template <typename Allowed>
Answer<void> edit_choice(const Parameters& parameters, std::string_view name,
                         const Allowed& allowed, std::string& to) {
  if (!parameters.given(name)) return {};
  auto value = parameters.text(name);
  if (!value) return std::unexpected(value.error());
  const std::string chosen = value->value_or(std::string(allowed.front()));
  if (std::ranges::find(allowed, chosen) == allowed.end()) {
    return refuse(Code::kBad, std::string(name) + " is none of the known words");
  }
  to = chosen;
  return {};
}

Answer<void> edit_integer(const Parameters& parameters, std::string_view name, int most, int& to) {
  auto value = parameters.integer(name);
  if (!value) return std::unexpected(value.error());
  if (!*value) return {};
  if (**value < 0 || **value > most) {
    return refuse(Code::kBad, std::string(name) + " must be from 0 to " + std::to_string(most));
  }
  to = static_cast<int>(**value);
  return {};
}

Answer<void> edit_description(const Parameters& parameters, std::string& to) {
  if (!parameters.given("description")) return {};
  auto value = parameters.text("description");
  if (!value) return std::unexpected(value.error());
  to = value->value_or("");
  if (to.size() <= kMostDescription) return {};
  return refuse(Code::kBad, "description may have at most 4096 bytes");
}

Answer<void> edit_resolution(const Parameters& parameters, std::string& to) {
  if (!parameters.given("resolution")) return {};
  auto value = parameters.text("resolution");
  if (!value) return std::unexpected(value.error());
  to = value->value_or("");
  if (size_of(to)) return {};
  return refuse(Code::kBad, "resolution must be 360p, 480p, 720p, 1080p, 2K, 4K or <W>x<H>");
}

Answer<void> edit_quality(const Parameters& parameters, double& to) {
  auto value = parameters.number("quality");
  if (!value) return std::unexpected(value.error());
  if (!*value) return {};
  to = **value;
  if (to >= 1 && to <= 10) return {};
  return refuse(Code::kBad, "quality must be from 1 to 10");
}

Answer<void> edit_audio(const Parameters& parameters, int& to) {
  constexpr int kMost = 128'000;
  for (const std::string_view name : {"audio_bitrate", "audioBitrate"}) {
    if (auto ok = edit_integer(parameters, name, kMost, to); !ok) return ok;
  }
  const int kilobits = to >= 1000 ? to / 1000 : to;
  const bool whole = to < 1000 || to % 1000 == 0;
  if (whole && std::ranges::find(kAudioBitrates, kilobits) != kAudioBitrates.end()) return {};
  return refuse(Code::kBad, "audio_bitrate must be 0, 32, 48, 64, 96 or 128 kbit/s");
}

Answer<void> refuse_not_made(const Parameters& parameters) {
  for (const std::string_view name : kNotMade) {
    const std::string value = parameters.verbatim(name);
    const bool empty = value.empty() || value == "0" || value == "[]" || value == "{}";
    if (!empty) {
      return refuse(Code::kBad, "unsupported: templates here have no " + std::string(name));
    }
  }
  return {};
}

}  // namespace

Answer<std::vector<Template>> own_templates(Service& service, const std::string& account) {
  auto records = service.store().list_records(kRecord, account);
  if (!records) return std::unexpected(refusal_of(records.error()));
  std::vector<Template> all;
  for (const auto& [name, record] : *records) all.push_back(template_from(record));
  std::ranges::stable_sort(all, {}, &Template::created);
  return all;
}

Answer<Template> find_template(Service& service, const std::string& account,
                               std::string_view name) {
  if (const Template* made = built_in_named(name)) return *made;
  auto record = service.store().get_record(kRecord, account, name);
  if (record) return template_from(*record);
  if (record.error().code == ErrorCode::kNotFound) return none();
  return std::unexpected(refusal_of(record.error()));
}

Answer<Template> find_template_by_id(Service& service, const std::string& account,
                                     std::string_view id) {
  const auto built_in = built_in_templates();
  if (const auto found = std::ranges::find(built_in, id, &Template::id); found != built_in.end()) {
    return *found;
  }
  auto own = own_templates(service, account);
  if (!own) return std::unexpected(own.error());
  const auto found = std::ranges::find(*own, id, &Template::id);
  if (found == own->end()) return none();
  return *found;
}

bool is_template_name(std::string_view name) {
  if (!is_valid_utf8(name)) return false;
  const std::u32string points = code_points(name);
  return !points.empty() && points.size() <= kMostName &&
         std::ranges::all_of(points, may_stand_in_name);
}

Answer<Template> edited(Template base, const Parameters& parameters) {
  constexpr int kMostFrameRate = 120;
  constexpr int kMostSegment = 60;
  std::string acodec;
  Answer<void> ok = edit_description(parameters, base.description);
  if (ok) ok = edit_choice(parameters, "format", kOwnFormats, base.format);
  if (ok) ok = edit_choice(parameters, "vcodec", kVideoCodecs, base.vcodec);
  if (ok) ok = edit_choice(parameters, "acodec", std::array<std::string_view, 1>{"aac"}, acodec);
  if (ok) ok = edit_quality(parameters, base.quality);
  if (ok) ok = edit_integer(parameters, "framerate", kMostFrameRate, base.framerate);
  if (ok) ok = edit_resolution(parameters, base.resolution);
  if (ok) ok = edit_audio(parameters, base.audio_bitrate);
  if (ok) ok = edit_integer(parameters, "hls_seg_time", kMostSegment, base.hls_seg_time);
  if (ok) ok = edit_integer(parameters, "seg_time", kMostSegment, base.hls_seg_time);
  if (ok) ok = refuse_not_made(parameters);
  if (!ok) return std::unexpected(ok.error());
  return base;
}

void keep_template(Service& service, const std::string& account, const Template& made,
                   bool create_only, Store::Done<bool> done) {
  service.store().put_record(kRecord, account, made.name, record_of(made), create_only,
                             std::move(done));
}

void forget_template(Service& service, const std::string& account, const std::string& name,
                     Store::Done<bool> done) {
  service.store().remove_record(kRecord, account, name, std::move(done));
}

}  // namespace telecine::visionular
