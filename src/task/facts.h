#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace telecine {

/// An exact ratio; den 0 means unknown.
struct Ratio {
  int num = 0;
  int den = 0;
  double value() const { return den == 0 ? 0.0 : static_cast<double>(num) / den; }
  bool operator==(const Ratio&) const = default;
};

/// Static HDR metadata of a stream (SMPTE ST 2086 and CTA-861.3), as ffprobe names its parts.
struct HdrFacts {
  double max_luminance = 0;  ///< cd/m2; 0 unknown
  double min_luminance = 0;  ///< cd/m2
  int max_cll = 0;           ///< cd/m2
  int max_fall = 0;          ///< cd/m2
  bool dolby_vision = false;
  bool operator==(const HdrFacts&) const = default;
};

struct VideoFacts {
  int index = 0;        ///< position among all streams of the file
  std::string codec;    ///< libav's short name: "h264"
  std::string profile;  ///< "High"; empty when unknown
  int level = 0;        ///< as the codec codes it: 41 for H.264 level 4.1; 0 unknown
  int coded_width = 0;  ///< px, as stored
  int coded_height = 0;
  int width = 0;  ///< px a viewer sees: SAR and rotation applied
  int height = 0;
  Ratio sar{1, 1};
  int rotation = 0;  ///< degrees clockwise a player turns the stored picture: 0, 90, 180, 270
  bool mirrored = false;
  Ratio frame_rate;  ///< average
  bool constant_frame_rate = true;
  std::int64_t frames = 0;  ///< 0 when the container does not say
  Millis duration = 0;
  Millis start = 0;          ///< from the container's start time
  std::int64_t bitrate = 0;  ///< bit/s; 0 unknown
  std::string pixel_format;  ///< "yuv420p"
  int bit_depth = 8;
  std::string color_range;      ///< "tv", "pc" or empty
  std::string color_primaries;  ///< "bt709"; empty unknown. The same for the next two.
  std::string color_transfer;
  std::string color_space;
  std::string field_order;  ///< "progressive", "tt", "bb", "tb", "bt" or empty
  bool is_interlaced() const { return !field_order.empty() && field_order != "progressive"; }
  std::optional<HdrFacts> hdr;
  std::string language;           ///< ISO 639-2, empty unknown
  bool attached_picture = false;  ///< cover art, not video
  bool is_default = false;
};

struct AudioFacts {
  int index = 0;
  std::string codec;
  std::string profile;
  int channels = 0;
  std::string layout;   ///< "stereo", "5.1"
  int sample_rate = 0;  ///< Hz
  std::string sample_format;
  std::int64_t bitrate = 0;  ///< bit/s
  Millis duration = 0;
  Millis start = 0;
  std::string language;
  std::string title;
  bool is_default = false;
};

struct SubtitleFacts {
  int index = 0;
  std::string codec;
  std::string language;
  std::string title;
  bool is_text = true;
  bool is_default = false;
};

struct ChapterFacts {
  Millis start = 0;
  Millis end = 0;
  std::string title;
};

/// What is known of a media file: what `probe` reports and outputs carry.
struct MediaFacts {
  std::string container;  ///< libav's demuxer name: "mov,mp4,m4a,3gp,3g2,mj2"
  std::int64_t size = 0;  ///< bytes
  std::string md5;        ///< lower-case hex of the whole file; empty when not computed
  Millis duration = 0;
  Millis start = 0;          ///< the container's own start time
  std::int64_t bitrate = 0;  ///< bit/s of the whole file
  std::vector<VideoFacts> video;
  std::vector<AudioFacts> audio;
  std::vector<SubtitleFacts> subtitles;
  std::vector<ChapterFacts> chapters;
  int other_streams = 0;  ///< data and attachments

  /// The video a player shows: the largest of the default streams, else of all; never cover art.
  const VideoFacts* main_video() const;
  const AudioFacts* main_audio() const;
};

boost::json::object to_json(const MediaFacts& facts);
/// For documents this engine wrote; lenient.
MediaFacts media_facts_from(const boost::json::value& value);

}  // namespace telecine
