#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "task/facts.h"
#include "task/rendition.h"
#include "task/still.h"

namespace telecine {

enum class OutputType : std::uint8_t {
  kVideo,      ///< one rendition in one file
  kHls,        ///< a ladder: segments, and what HLS or DASH players need to find them
  kCover,      ///< one still picture
  kSnapshots,  ///< several still pictures
  kSprites,    ///< sheets of small pictures, and a WebVTT file that says which is when
  kSubtitles,  ///< the source's subtitles, a WebVTT file for each track
  kDocument,   ///< a file that is no media: made by tasks that are asked for one, never by a spec
};
template <>
inline constexpr auto kNames<OutputType> =
    std::to_array<Named<OutputType>>({{OutputType::kVideo, "video"},
                                      {OutputType::kHls, "hls"},
                                      {OutputType::kCover, "cover"},
                                      {OutputType::kSnapshots, "snapshots"},
                                      {OutputType::kSprites, "sprites"},
                                      {OutputType::kSubtitles, "subtitles"},
                                      {OutputType::kDocument, "document"}});

/// What a kVideo output is wrapped in; its name is the extension too. M4A, MP3, Ogg and FLAC hold
/// sound only, GIF and WebP pictures only. carrier.h says what fits into which.
enum class Container : std::uint8_t {
  kMp4,
  kFlv,
  kM4a,
  kMp3,
  kWebm,
  kMkv,
  kTs,
  kOgg,
  kFlac,
  kGif,
  kWebp
};
template <>
inline constexpr auto kNames<Container> =
    std::to_array<Named<Container>>({{Container::kMp4, "mp4"},
                                     {Container::kFlv, "flv"},
                                     {Container::kM4a, "m4a"},
                                     {Container::kMp3, "mp3"},
                                     {Container::kWebm, "webm"},
                                     {Container::kMkv, "mkv"},
                                     {Container::kTs, "ts"},
                                     {Container::kOgg, "ogg"},
                                     {Container::kFlac, "flac"},
                                     {Container::kGif, "gif"},
                                     {Container::kWebp, "webp"}});

enum class SegmentFormat : std::uint8_t {
  kFmp4,  ///< fragmented MP4 with an initialisation file
  kTs,    ///< MPEG transport stream
};
template <>
inline constexpr auto kNames<SegmentFormat> = std::to_array<Named<SegmentFormat>>(
    {{SegmentFormat::kFmp4, "fmp4"}, {SegmentFormat::kTs, "ts"}});

/// What players of a ladder begin with. Both name the very same fragments.
enum class Manifest : std::uint8_t {
  kHls,   ///< a master playlist, and one for each rendition
  kDash,  ///< an MPD. Sound is packaged apart from pictures
};
template <>
inline constexpr auto kNames<Manifest> =
    std::to_array<Named<Manifest>>({{Manifest::kHls, "hls"}, {Manifest::kDash, "dash"}});

/// HLS segments under AES-128, one key for all of an output.
struct Encryption {
  std::string key;      ///< 32 hex digits; empty: the run makes one and puts it beside the segments
  std::string key_url;  ///< where players ask for it; empty: at Telecine, by a signed link
  bool operator==(const Encryption&) const = default;
};

/// Where a part of a copied stream begins and ends.
enum class Cut : std::uint8_t {
  kExact,     ///< at the very picture: what lies between two cuts is copied, their surroundings are
              ///< encoded. A stream that cannot be cut so is encoded as a whole
  kKeyframe,  ///< at the keyframe at or before the start; nothing is encoded
};
template <>
inline constexpr auto kNames<Cut> =
    std::to_array<Named<Cut>>({{Cut::kExact, "exact"}, {Cut::kKeyframe, "keyframe"}});

/// One deliverable as asked for. Which members count depends on the type.
struct OutputSpec {
  std::string name;  ///< unique within the task, [A-Za-z0-9_-]{1,64}; the stem of its file names
  OutputType type = OutputType::kVideo;
  Container container = Container::kMp4;            ///< kVideo
  bool fragmented = false;                          ///< kVideo in MP4: index and media in pieces
  std::vector<Rendition> renditions;                ///< kVideo: one. kHls: 1...16
  Millis segment = 6000;                            ///< kHls: target length of segments
  SegmentFormat segments = SegmentFormat::kFmp4;    ///< kHls
  std::vector<Manifest> manifests{Manifest::kHls};  ///< kHls: the first is what a client opens
  std::optional<Encryption> encryption;             ///< kHls
  /// Text is what kSubtitles, kHls and MP4 take; MKV takes pictures too. Others have none.
  TrackChoice subtitles{TrackChoice::Kind::kNone, {}, {}};
  /// kVideo, kHls: only this part of the source, to the frame. Negative times count from the end of
  /// the source; an end of 0 is that end. The output begins at 0.
  Millis start = 0;
  Millis end = 0;
  Cut cut = Cut::kExact;  ///< kVideo, of streams that are copied
  StillOptions still;     ///< kCover; kSnapshots: all but `at`; kSprites: format and quality
  Sampling sampling;      ///< kSnapshots, kSprites
  SpriteGrid sprites;     ///< kSprites
};

boost::json::object to_json(const OutputSpec& spec);
Result<OutputSpec> output_spec_from(const boost::json::value& value, const std::string& path);

enum class OutputState : std::uint8_t { kPending, kRunning, kSucceeded, kFailed, kCancelled };
template <>
inline constexpr auto kNames<OutputState> =
    std::to_array<Named<OutputState>>({{OutputState::kPending, "pending"},
                                       {OutputState::kRunning, "running"},
                                       {OutputState::kSucceeded, "succeeded"},
                                       {OutputState::kFailed, "failed"},
                                       {OutputState::kCancelled, "cancelled"}});

/// One file of an output. The first file of an output is the one a client opens (for HLS the
/// master playlist).
struct OutputFile {
  std::string name;  ///< relative to the output, '/' separated: "hls/720p/seg-00001.m4s"
  std::string url;   ///< object URL; documents show a signed link instead
  std::string type;  ///< media type
  std::int64_t size = 0;
  std::string md5;  ///< empty for segments
};

/// One deliverable as it stands.
struct Output {
  std::string name;
  OutputType type = OutputType::kVideo;
  OutputState state = OutputState::kPending;
  double progress = 0;  ///< 0...1
  std::optional<Error> error;
  std::vector<OutputFile> files;
  std::optional<MediaFacts> facts;  ///< of the first file; for HLS of the best rendition
  /// HLS: what each rendition became, in the order asked for.
  std::vector<MediaFacts> rendition_facts;
  std::vector<std::string> notes{};  ///< what of the source was left out, and why
};

boost::json::object to_json(const OutputFile& file);
OutputFile output_file_from(const boost::json::value& value);
boost::json::object to_json(const Output& output);
Output output_from(const boost::json::value& value);

boost::json::object to_json(const Error& error);
Error error_from(const boost::json::value& value);

}  // namespace telecine
