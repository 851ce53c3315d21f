// What a transcode does with a ladder once its packets are in.

#include <algorithm>

#include "media/transcode.h"
#include "task/languages.h"
#include "task/packaging.h"

namespace telecine::media {
namespace {

std::int64_t area(const MediaFacts& facts) {
  if (facts.video.empty()) return 0;
  return static_cast<std::int64_t>(facts.video.front().width) * facts.video.front().height;
}

/// Puts the sound that is packaged apart beside the pictures.
void add(MediaFacts& facts, MediaFacts apart) {
  for (auto& audio : apart.audio) {
    audio.index = static_cast<int>(facts.video.size() + facts.audio.size());
    facts.audio.push_back(std::move(audio));
  }
  facts.container = apart.container;
  facts.size += apart.size;
  facts.bitrate += apart.bitrate;
  facts.duration = std::max(facts.duration, apart.duration);
}

/// One track of each group plays unless a viewer chooses another: the source's own choice.
void set_defaults(std::vector<LadderTrack>& sounds) {
  for (LadderTrack& sound : sounds) {
    const auto is_rival = [&](const LadderTrack& other) {
      return &other != &sound && other.group == sound.group && other.name.is_default;
    };
    if (std::ranges::any_of(sounds, is_rival)) sound.name.is_default = false;
  }
  for (LadderTrack& sound : sounds) {
    const auto is_main = [&](const LadderTrack& other) {
      return other.group == sound.group && other.name.is_default;
    };
    if (std::ranges::none_of(sounds, is_main)) sound.name.is_default = true;
  }
}

}  // namespace

/// Unless the caller gives it to players, the key lies beside the segments, and whoever may play
/// them may have it.
Status Transcode::write_key(Work& work) {
  if (work.key.empty() || !work.spec->encryption->key_url.empty()) return {};
  return write_text(work, kKeyFile, "application/octet-stream", work.key);
}

MediaFacts Transcode::folder_facts(const Target& target) const {
  MediaFacts facts = facts_of(target);
  facts.container = "hls";
  facts.size = target.hls->bytes();
  facts.duration = static_cast<Millis>(target.hls->seconds() * 1000 + 0.5);
  facts.bitrate = target.hls->average_rate();
  return facts;
}

MediaFacts Transcode::rendition_facts(const Work& work, std::size_t rendition) const {
  MediaFacts facts;
  for (const Target& target : work.targets) {
    if (target.rendition == rendition) facts = folder_facts(target);
  }
  for (const Target& target : work.targets) {
    if (target.group && target.group == work.groups[rendition]) add(facts, folder_facts(target));
  }
  return facts;
}

LadderTrack Transcode::ladder_track(const Work& work, const Target& target) const {
  LadderTrack made;
  made.folder = target.folder;
  made.muxer = target.hls;
  const MediaFacts facts = facts_of(target);
  if (const auto track = picture_track(target)) {
    made.video_codec = codec_string(*track->codec);
    made.transfer = track->codec->color_trc;
    made.size = {facts.video.front().width, facts.video.front().height};
    made.frame_rate = facts.video.front().frame_rate;
    made.is_copy = work.spec->renditions[*target.rendition].video->codec == VideoCodec::kCopy;
  }
  if (target.sounds.empty()) return made;
  const SoundTrack& sound = target.sounds.front();
  made.audio_codec = codec_string(*track_of(sound).codec);
  made.channels = facts.audio.front().channels;
  made.sample_rate = facts.audio.front().sample_rate;
  made.name = {language_tag(sound.facts->language), sound.facts->title, sound.facts->is_default};
  made.source = static_cast<std::size_t>(sound.facts->index);
  made.is_copy = made.is_copy || sound.copy != nullptr;
  return made;
}

Ladder Transcode::ladder_of(const Work& work) const {
  Ladder ladder;
  ladder.format = work.spec->segments;
  for (const auto& group : work.groups) ladder.variants.push_back({std::nullopt, group});
  for (const Target& target : work.targets) {
    ladder.seconds = std::max(ladder.seconds, target.hls->seconds());
    LadderTrack track = ladder_track(work, target);
    if (target.rendition) {
      ladder.variants[*target.rendition].track = std::move(track);
    } else {
      track.group = *target.group;
      ladder.sounds.push_back(std::move(track));
    }
  }
  set_defaults(ladder.sounds);
  for (const auto& text : texts_.written(*work.spec, "")) {
    const std::string folder = "text/" + std::to_string(ladder.texts.size() + 1);
    ladder.texts.push_back(
        {folder, "text.vtt", {language_tag(text.facts->language), text.facts->title, false}});
  }
  return ladder;
}

Status Transcode::write_text(Work& work, const std::string& name, const char* type,
                             std::string_view text) {
  const std::string path = work.spec->name + "/" + name;
  auto fd = files_.create(path);
  if (!fd) return std::unexpected(fd.error());
  if (auto ok = write_whole(fd->get(), text); !ok) return ok;
  work.made.files.push_back({path, {}, type, static_cast<std::int64_t>(text.size()), {}});
  return {};
}

Status Transcode::write_manifest(Work& work, const Ladder& ladder, Manifest manifest) {
  if (manifest == Manifest::kHls) {
    return write_text(work, "master.m3u8", kPlaylistType, master_playlist(ladder));
  }
  return write_text(work, "manifest.mpd", kMpdType, dash_manifest(ladder));
}

/// The whole text of a track is one segment.
Status Transcode::write_texts(Work& work, const Ladder& ladder) {
  const auto texts = texts_.written(*work.spec, text_head(ladder.format));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const LadderText& text = ladder.texts[i];
    auto ok = write_text(work, text.folder + "/" + text.file, kTextType, texts[i].text);
    if (ok && has_manifest(*work.spec, Manifest::kHls)) {
      ok =
          write_text(work, text.folder + "/index.m3u8", kPlaylistType, text_playlist(ladder, text));
    }
    if (!ok) return ok;
  }
  return {};
}

Status Transcode::finish_subtitles(Work& work) {
  const auto texts = texts_.written(*work.spec, "");
  if (texts.empty()) {
    const std::string why = work.made.notes.empty() ? "" : ": " + work.made.notes.front();
    return fail(ErrorCode::kUnsupported, "the source has no subtitles to write" + why);
  }
  MediaFacts facts;
  facts.container = "webvtt";
  facts.duration = source_.duration;
  for (const auto& made : texts) {
    const int place = static_cast<int>(facts.subtitles.size());
    auto ok = write_text(work, std::to_string(place + 1) + ".vtt", kTextType, made.text);
    if (!ok) return ok;
    facts.size += static_cast<std::int64_t>(made.text.size());
    SubtitleFacts track = *made.facts;
    track.index = place;
    track.codec = "webvtt";
    facts.subtitles.push_back(std::move(track));
  }
  work.made.facts = std::move(facts);
  return {};
}

Status Transcode::finish_ladder(Work& work) {
  double longest = 0;
  for (const Target& target : work.targets) {
    if (auto ok = target.muxer->finish(); !ok) return ok;
    longest = std::max(longest, target.hls->longest());
  }
  const Ladder ladder = ladder_of(work);
  for (const Manifest manifest : work.spec->manifests) {
    if (auto ok = write_manifest(work, ladder, manifest); !ok) return ok;
  }
  if (auto ok = write_key(work); !ok) return ok;
  for (const Target& target : work.targets) {
    if (!has_manifest(*work.spec, Manifest::kHls)) break;
    const std::string list = target.folder + "/index.m3u8";
    if (auto ok = write_text(work, list, kPlaylistType, target.hls->playlist(longest)); !ok)
      return ok;
  }
  if (auto ok = write_texts(work, ladder); !ok) return ok;
  for (const Target& target : work.targets) {
    for (const auto& file : target.hls->files()) work.made.files.push_back(file);
  }
  std::int64_t bytes = 0;
  for (const auto& file : work.made.files) bytes += file.size;
  for (std::size_t r = 0; r < work.groups.size(); ++r) {
    work.made.rendition_facts.push_back(rendition_facts(work, r));
  }
  work.made.facts = *std::ranges::max_element(work.made.rendition_facts, {}, area);
  work.made.facts->size = bytes;
  return {};
}

}  // namespace telecine::media
