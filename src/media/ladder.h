#pragma once

#include <string>
#include <vector>

#include "media/hls.h"

namespace telecine::media {

inline constexpr const char* kPlaylistType = "application/vnd.apple.mpegurl";
inline constexpr const char* kMpdType = "application/dash+xml";
inline constexpr const char* kTextType = "text/vtt";

/// What a track says of itself in a manifest.
struct TrackName {
  std::string language;  ///< as playlists name it; empty unknown
  std::string title;
  bool is_default = false;
};

/// What lies in one folder of a ladder: pictures, sound, or both.
struct LadderTrack {
  std::string folder;  ///< within the output: "720p", "audio/1"
  const HlsMuxer* muxer = nullptr;
  std::string video_codec;  ///< as RFC 6381 has it; empty: sound only
  std::string audio_codec;  ///< empty: no sound in here
  Dimensions size;
  Ratio frame_rate;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  bool is_copy = false;    ///< pictures with the source's own keyframes
  std::size_t group = 0;   ///< of sound packaged apart
  std::size_t source = 0;  ///< likewise: its place among the source's tracks
  int channels = 0;
  int sample_rate = 0;
  TrackName name;
};

/// A track of subtitles, in one file.
struct LadderText {
  std::string folder;  ///< within the output: "text/1"
  std::string file;    ///< in there: "text.vtt"
  TrackName name;
};

/// A rendition as a player may choose it.
struct LadderVariant {
  std::optional<LadderTrack> track;  ///< none: sound only, packaged apart
  std::optional<std::size_t> group;  ///< its sound, where that is packaged apart
};

struct Ladder {
  SegmentFormat format = SegmentFormat::kFmp4;
  std::vector<LadderVariant> variants;  ///< in the order asked for
  std::vector<LadderTrack> sounds;      ///< packaged apart, group by group
  std::vector<LadderText> texts;
  double seconds = 0;
};

inline constexpr const char* kKeyFile = "segments.key";
/// The caller's own, or a new one.
std::string key_for(const Encryption& wanted);
/// The key of a ladder's segments as a folder's playlist names it; none where `key` is empty.
std::optional<SegmentKey> segment_key(const OutputSpec& spec, const std::string& key,
                                      const std::string& folder);

/// How every playlist begins.
std::string playlist_head(SegmentFormat format);
/// RFC 8216.
std::string master_playlist(const Ladder& ladder);
/// Of a track of text.
std::string text_playlist(const Ladder& ladder, const LadderText& text);
/// What its file says after the first line, so that its times are those of the segments.
std::string text_head(SegmentFormat format);
/// ISO/IEC 23009-1, for the same fragments; see dash.cc.
std::string dash_manifest(const Ladder& ladder);

/// What a menu shows for the track at `place` of its kind, different from all before it in `taken`.
std::string shown_name(const TrackName& name, const std::string& kind, std::size_t place,
                       std::vector<std::string>& taken);

}  // namespace telecine::media
