// The MPD of a ladder: one period, an adaptation set for each codec of pictures, for each track of
// sound and for each of text.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "base/text.h"
#include "media/ladder.h"

namespace telecine::media {
namespace {

std::string iso_duration(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "PT%.3fS", seconds);
  return text;
}

/// " name="value"", or nothing.
std::string attribute(const char* name, const std::string& value) {
  if (value.empty()) return "";
  std::string out = std::string(" ") + name + "=\"";
  append_xml(out, printable(value, 200), true);
  return out + "\"";
}

std::string number(const char* name, std::int64_t value) {
  return attribute(name, std::to_string(value));
}

// Equal lengths in a row are one line. What a copied lead-in has before 0 is not shown.
std::string timeline(const std::vector<HlsMuxer::Segment>& segments) {
  struct Row {
    Ticks start;
    Ticks length;
    int repeats;
  };
  std::vector<Row> rows;
  for (const auto& segment : segments) {
    const Ticks start = std::max<Ticks>(0, segment.start);
    const Ticks length = std::max<Ticks>(1, segment.start + segment.length - start);
    if (!rows.empty() && rows.back().length == length)
      ++rows.back().repeats;
    else
      rows.push_back({start, length, 0});
  }
  std::string out = "<SegmentTimeline>";
  for (const Row& row : rows) {
    out += "<S" + number("t", row.start) + number("d", row.length);
    if (row.repeats > 0) out += number("r", row.repeats);
    out += "/>";
  }
  return out + "</SegmentTimeline>";
}

std::string representation(const LadderTrack& track, const std::string& id) {
  std::string out = "<Representation" + attribute("id", id) +
                    number("bandwidth", track.muxer->peak_rate()) +
                    attribute("codecs", track.video_codec + track.audio_codec);
  if (track.size.width > 0) {
    out += number("width", track.size.width) + number("height", track.size.height);
    const Ratio& rate = track.frame_rate;
    if (rate.den > 0) {
      out += attribute("frameRate", std::to_string(rate.num) + "/" + std::to_string(rate.den));
    }
  } else {
    out += number("audioSamplingRate", track.sample_rate);
  }
  out += ">\n";
  if (track.channels > 0) {
    out +=
        "<AudioChannelConfiguration"
        " schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\"" +
        number("value", track.channels) + "/>\n";
  }
  return out + "<SegmentTemplate" + number("timescale", kTicksPerSecond) +
         " startNumber=\"1\" initialization=\"" + track.folder + "/init.mp4\" media=\"" +
         track.folder + "/seg-$Number%05d$.m4s\">" + timeline(track.muxer->segments()) +
         "</SegmentTemplate>\n</Representation>\n";
}

std::string role(const TrackName& name, const char* usual) {
  return std::string("<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"") +
         (name.is_default ? "main" : usual) + "\"/>\n";
}

/// Tracks between which a player may switch as it goes, in the order they first come.
using Sets = std::vector<std::vector<const LadderTrack*>>;

Sets grouped(const std::vector<const LadderTrack*>& tracks,
             const std::function<bool(const LadderTrack&, const LadderTrack&)>& same) {
  Sets sets;
  for (const auto* track : tracks) {
    const auto set = std::ranges::find_if(sets, [&](auto& s) { return same(*s.front(), *track); });
    if (set == sets.end())
      sets.push_back({track});
    else
      set->push_back(track);
  }
  return sets;
}

std::string codec_family(const std::string& codec) {
  return codec.substr(0, codec.find('.'));
}

// A copied stream has keyframes of its own, where the others have none.
Sets video_sets(const Ladder& ladder) {
  std::vector<const LadderTrack*> tracks;
  for (const auto& variant : ladder.variants) {
    const bool has_pictures = variant.track && !variant.track->video_codec.empty();
    if (has_pictures) tracks.push_back(&*variant.track);
  }
  return grouped(tracks, [](const LadderTrack& a, const LadderTrack& b) {
    return a.is_copy == b.is_copy && codec_family(a.video_codec) == codec_family(b.video_codec);
  });
}

Sets audio_sets(const Ladder& ladder) {
  std::vector<const LadderTrack*> tracks;
  for (const auto& sound : ladder.sounds) tracks.push_back(&sound);
  return grouped(tracks, [](const LadderTrack& a, const LadderTrack& b) {
    return a.source == b.source && a.is_copy == b.is_copy && a.channels == b.channels &&
           codec_family(a.audio_codec) == codec_family(b.audio_codec);
  });
}

std::string set_head(int id, const char* type, const char* mime, const TrackName& name) {
  std::string out = "<AdaptationSet" + number("id", id) + attribute("contentType", type) +
                    attribute("mimeType", mime) + attribute("lang", name.language);
  return out;
}

std::string label(const TrackName& name) {
  if (name.title.empty()) return "";
  std::string out = "<Label>";
  append_xml(out, printable(name.title, 200));
  return out + "</Label>\n";
}

}  // namespace

std::string dash_manifest(const Ladder& ladder) {
  Ticks longest = 0;
  const auto measure = [&](const LadderTrack& track) {
    for (const auto& segment : track.muxer->segments()) longest = std::max(longest, segment.length);
  };
  for (const auto& variant : ladder.variants) {
    if (variant.track) measure(*variant.track);
  }
  for (const auto& sound : ladder.sounds) measure(sound);

  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""
      " profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\"" +
      attribute("mediaPresentationDuration", iso_duration(ladder.seconds)) +
      attribute("maxSegmentDuration", iso_duration(ticks_to_seconds(longest))) +
      attribute("minBufferTime", iso_duration(ticks_to_seconds(longest))) +
      ">\n<Period id=\"0\" start=\"PT0S\">\n";
  int id = 0;
  for (const auto& set : video_sets(ladder)) {
    out += set_head(id++, "video", "video/mp4", {}) +
           " segmentAlignment=\"true\" startWithSAP=\"1\">\n";
    for (const auto* track : set) out += representation(*track, track->folder);
    out += "</AdaptationSet>\n";
  }
  for (const auto& set : audio_sets(ladder)) {
    const TrackName& name = set.front()->name;
    out += set_head(id++, "audio", "audio/mp4", name) +
           " segmentAlignment=\"true\" startWithSAP=\"1\">\n" + label(name) +
           role(name, "alternate");
    std::vector<std::string> ids;
    for (const auto* track : set) {
      std::string own = track->folder;
      std::ranges::replace(own, '/', '-');
      out += representation(*track, own);
    }
    out += "</AdaptationSet>\n";
  }
  for (const auto& text : ladder.texts) {
    out += set_head(id++, "text", "text/vtt", text.name) + ">\n" + label(text.name) +
           role(text.name, "subtitle");
    std::string own = text.folder;
    std::ranges::replace(own, '/', '-');
    out += "<Representation" + attribute("id", own) + " bandwidth=\"256\"><BaseURL>" + text.folder +
           "/" + text.file + "</BaseURL></Representation>\n</AdaptationSet>\n";
  }
  return out + "</Period>\n</MPD>\n";
}

}  // namespace telecine::media
