#include "task/packaging.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine {
namespace {

constexpr std::size_t kKeyBytes = 16;

bool holds_subtitles(const OutputSpec& spec) {
  return spec.type != OutputType::kVideo || spec.container == Container::kMp4 ||
         spec.container == Container::kMkv;
}

void read_manifests(ObjectReader& in, OutputSpec& spec) {
  const auto* list = in.array("manifests", 2);
  if (list == nullptr) return;
  spec.manifests.clear();
  for (const auto& item : *list) {
    const auto manifest =
        item.is_string() ? value_named<Manifest>(item.get_string()) : std::nullopt;
    if (manifest && !has_manifest(spec, *manifest)) {
      spec.manifests.push_back(*manifest);
      continue;
    }
    spec.manifests.clear();
    break;
  }
  if (spec.manifests.empty()) {
    return in.refuse("manifests", R"(must be a list of "hls", "dash" or both)");
  }
  if (has_manifest(spec, Manifest::kDash) && spec.segments != SegmentFormat::kFmp4) {
    in.refuse("manifests", "dash needs fmp4 segments");
  }
}

void read_encryption(ObjectReader& in, OutputSpec& spec) {
  const auto* value = in.any("encryption");
  if (value == nullptr) return;
  ObjectReader inner(*value, in.path_of("encryption"));
  Encryption encryption;
  encryption.key = lower(inner.text("key", 2 * kKeyBytes).value_or(""));
  encryption.key_url = inner.text("key_url").value_or("");
  const auto key = unhex(encryption.key);
  if (!encryption.key.empty() && (!key || key->size() != kKeyBytes)) {
    inner.refuse("key", "must be 32 hex digits; leave it out to have one made");
  }
  const std::string& url = encryption.key_url;
  const bool is_web = url.starts_with("https://") || url.starts_with("http://");
  const bool is_odd = std::ranges::any_of(
      url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\x7f'; });
  if (!url.empty() && (!is_web || is_odd)) inner.refuse("key_url", "must be an http or https URL");
  if (!url.empty() && encryption.key.empty()) {
    inner.refuse("key", "is needed beside key_url: nobody else could give it to players");
  }
  if (auto ok = inner.finish(); !ok) return in.refuse(ok.error());
  if (has_manifest(spec, Manifest::kDash)) {
    return in.refuse("encryption", "is of hls only; take dash out of manifests");
  }
  spec.encryption = std::move(encryption);
}

}  // namespace

void read_packaging(ObjectReader& in, OutputSpec& spec) {
  switch (spec.type) {
    case OutputType::kVideo:
      spec.fragmented = in.boolean("fragmented").value_or(false);
      if (spec.fragmented && spec.container != Container::kMp4) {
        in.refuse("fragmented", "is for the container mp4 only");
      }
      break;
    case OutputType::kHls:
      read_manifests(in, spec);
      read_encryption(in, spec);
      break;
    case OutputType::kSubtitles:
      spec.subtitles =
          read_tracks(in, "tracks").value_or(TrackChoice{TrackChoice::Kind::kAll, {}, {}});
      if (spec.subtitles.kind == TrackChoice::Kind::kNone) in.refuse("tracks", "must name some");
      return;
    default:
      return;
  }
  if (const auto subtitles = read_tracks(in, "subtitles")) spec.subtitles = *subtitles;
  if (spec.subtitles.kind != TrackChoice::Kind::kNone && !holds_subtitles(spec)) {
    in.refuse("subtitles", "are held by mp4, mkv and hls only");
  }
}

void write_packaging(json::object& o, const OutputSpec& spec) {
  if (spec.type == OutputType::kSubtitles) {
    o["tracks"] = to_json(spec.subtitles);
    return;
  }
  if (spec.fragmented) o["fragmented"] = true;
  if (spec.type == OutputType::kHls) {
    json::array manifests;
    for (const Manifest manifest : spec.manifests) manifests.emplace_back(name_of(manifest));
    o["manifests"] = std::move(manifests);
  }
  if (spec.encryption) {
    json::object encryption;
    if (!spec.encryption->key.empty()) encryption["key"] = spec.encryption->key;
    if (!spec.encryption->key_url.empty()) encryption["key_url"] = spec.encryption->key_url;
    o["encryption"] = std::move(encryption);
  }
  if (spec.subtitles.kind != TrackChoice::Kind::kNone) o["subtitles"] = to_json(spec.subtitles);
}

bool has_sound_apart(const OutputSpec& spec) {
  const auto several = [](const Rendition& r) {
    return r.audio && r.audio->tracks.may_be_several();
  };
  return has_manifest(spec, Manifest::kDash) || std::ranges::any_of(spec.renditions, several);
}

bool has_manifest(const OutputSpec& spec, Manifest manifest) {
  return std::ranges::find(spec.manifests, manifest) != spec.manifests.end();
}

}  // namespace telecine
