// The master playlist of a ladder.

#include "media/ladder.h"

#include <algorithm>
#include <cstdio>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::media {
namespace {

struct Rates {
  std::int64_t peak = 0;
  std::int64_t average = 0;
};

std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : printable(text, 200)) out += c == '"' ? '\'' : c;
  return "\"" + out + "\"";
}

std::string group_id(std::size_t group) {
  return "\"audio-" + std::to_string(group + 1) + "\"";
}

std::string naming(const TrackName& name, const std::string& shown) {
  std::string out = ",NAME=" + quoted(shown);
  if (!name.language.empty()) out += ",LANGUAGE=" + quoted(name.language);
  out += name.is_default ? ",DEFAULT=YES,AUTOSELECT=YES" : ",DEFAULT=NO,AUTOSELECT=YES";
  return out;
}

std::string sound_lines(const Ladder& ladder) {
  std::string out;
  std::vector<std::string> taken;
  for (std::size_t i = 0; i < ladder.sounds.size(); ++i) {
    const LadderTrack& sound = ladder.sounds[i];
    if (i > 0 && ladder.sounds[i - 1].group != sound.group) taken.clear();
    const std::string shown = shown_name(sound.name, "Audio", taken.size(), taken);
    out += "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=" + group_id(sound.group) + naming(sound.name, shown) +
           ",CHANNELS=\"" + std::to_string(sound.channels) + "\",URI=\"" + sound.folder +
           "/index.m3u8\"\n";
  }
  return out;
}

std::string text_lines(const Ladder& ladder) {
  std::string out;
  std::vector<std::string> taken;
  for (const LadderText& text : ladder.texts) {
    const std::string shown = shown_name(text.name, "Subtitles", taken.size(), taken);
    out += "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\"" + naming(text.name, shown) + ",URI=\"" +
           text.folder + "/index.m3u8\"\n";
  }
  return out;
}

/// Of the sound that comes on top of a variant's own; whichever track a viewer chooses.
Rates rates_of(const Ladder& ladder, std::size_t group) {
  Rates rates;
  for (const auto& sound : ladder.sounds) {
    if (sound.group != group) continue;
    rates.peak = std::max(rates.peak, sound.muxer->peak_rate());
    rates.average = std::max(rates.average, sound.muxer->average_rate());
  }
  return rates;
}

std::string codecs_of(const Ladder& ladder, const LadderVariant& variant) {
  std::vector<std::string> codecs;
  const auto add = [&](const std::string& codec) {
    if (!codec.empty() && std::ranges::find(codecs, codec) == codecs.end()) codecs.push_back(codec);
  };
  if (variant.track) {
    add(variant.track->video_codec);
    add(variant.track->audio_codec);
  }
  for (const auto& sound : ladder.sounds) {
    if (variant.group == sound.group) add(sound.audio_codec);
  }
  return join(codecs, ",");
}

/// Without pictures, the track of its group that plays unless a viewer chooses another.
const LadderTrack& track_of(const Ladder& ladder, const LadderVariant& variant) {
  if (variant.track) return *variant.track;
  const auto is_it = [&](const LadderTrack& sound) {
    return sound.group == variant.group && sound.name.is_default;
  };
  return *std::ranges::find_if(ladder.sounds, is_it);
}

}  // namespace

std::string key_for(const Encryption& wanted) {
  constexpr std::size_t kKeyBytes = 16;
  return wanted.key.empty() ? random_bytes(kKeyBytes) : unhex(wanted.key).value_or("");
}

std::optional<SegmentKey> segment_key(const OutputSpec& spec, const std::string& key,
                                      const std::string& folder) {
  if (key.empty()) return std::nullopt;
  if (!spec.encryption->key_url.empty()) return SegmentKey{key, spec.encryption->key_url};
  std::string up = "../";
  for (const char c : folder) up += c == '/' ? "../" : "";
  return SegmentKey{key, up + kKeyFile};
}

std::string shown_name(const TrackName& name, const std::string& kind, std::size_t place,
                       std::vector<std::string>& taken) {
  std::string shown = name.title;
  if (shown.empty()) shown = name.language;
  if (shown.empty()) shown = kind + " " + std::to_string(place + 1);
  const bool is_taken = std::ranges::find(taken, shown) != taken.end();
  if (is_taken) shown += " (" + std::to_string(place + 1) + ")";
  taken.push_back(shown);
  return shown;
}

std::string text_head(SegmentFormat format) {
  if (format == SegmentFormat::kFmp4) return {};
  return "X-TIMESTAMP-MAP=MPEGTS:" + std::to_string(kTsStart * 90'000) + ",LOCAL:00:00:00.000\n";
}

std::string text_playlist(const Ladder& ladder, const LadderText& text) {
  char line[160];
  std::snprintf(line, sizeof line,
                "#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
                "#EXTINF:%.6f,\n",
                static_cast<int>(ladder.seconds + 1), ladder.seconds);
  return playlist_head(ladder.format) + line + text.file + "\n#EXT-X-ENDLIST\n";
}

std::string master_playlist(const Ladder& ladder) {
  std::string out = playlist_head(ladder.format) + "#EXT-X-INDEPENDENT-SEGMENTS\n" +
                    sound_lines(ladder) + text_lines(ladder);
  for (const auto& variant : ladder.variants) {
    Rates rates = variant.group ? rates_of(ladder, *variant.group) : Rates();
    const LadderTrack& track = track_of(ladder, variant);
    if (variant.track) {
      rates.peak += track.muxer->peak_rate();
      rates.average += track.muxer->average_rate();
    }
    out += "#EXT-X-STREAM-INF:BANDWIDTH=" + std::to_string(rates.peak) +
           ",AVERAGE-BANDWIDTH=" + std::to_string(rates.average) + ",CODECS=\"" +
           codecs_of(ladder, variant) + "\"";
    if (track.size.width > 0) {
      char line[96];
      std::snprintf(line, sizeof line, ",RESOLUTION=%dx%d,FRAME-RATE=%.3f", track.size.width,
                    track.size.height, track.frame_rate.value());
      out += line;
      // Apple's players take what says nothing for SDR.
      if (track.transfer == AVCOL_TRC_SMPTE2084) out += ",VIDEO-RANGE=PQ";
      if (track.transfer == AVCOL_TRC_ARIB_STD_B67) out += ",VIDEO-RANGE=HLG";
    }
    if (variant.group) out += ",AUDIO=" + group_id(*variant.group);
    if (!ladder.texts.empty()) out += ",SUBTITLES=\"text\"";
    out += "\n" + track.folder + "/index.m3u8\n";
  }
  return out;
}

}  // namespace telecine::media
