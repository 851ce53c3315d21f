#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "task/analysis.h"
#include "task/facts.h"
#include "task/output.h"
#include "task/piece.h"

namespace telecine::media {

/// Where the joined sources are written: one file that is no output's.
inline constexpr auto kJoinedName = ".joined/all.mp4";

/// Times that a media process names are no further than this from 0, so that sums of them fit.
inline constexpr std::int64_t kMostTicks = 1LL << 53;

/// A place in a file, and what is added to its clock from there on: ticks of media/clock.h.
struct Waypoint {
  std::int64_t position = 0;
  std::int64_t jump = 0;
  bool operator==(const Waypoint&) const = default;
};

/// The pictures of a source that are shown at `from` or later and before `to`, in such ticks.
struct Segment {
  std::int64_t from = INT64_MIN;
  std::int64_t to = INT64_MAX;
  /// How to come to them in a source that cannot be sought in exactly: where reading begins, 0 or
  /// with a keyframe, and where its clock was set anew. Empty: by seeking.
  std::vector<Waypoint> way{};
  bool operator==(const Segment&) const = default;
};

/// A stream of the source that an output takes as it is although an encode was asked for; see
/// reuse.h.
struct Reused {
  static constexpr int kPictures = -1;

  std::string output;
  int rendition = 0;
  int track = kPictures;  ///< else the place among the source's sounds
  bool operator==(const Reused&) const = default;
};

/// What the run that found the segments knows of the source, for all that follow.
struct Findings {
  std::vector<Reused> reused;
  std::optional<bool> telecined{};  ///< its pictures; none: it did not matter
  Millis duration = 0;              ///< of the source
  bool operator==(const Findings&) const = default;
};

/// A piece whose pictures have to be encoded before it can be joined to the others.
struct PieceWork {
  int piece = 0;                  ///< its place in Job::pieces
  OutputSpec form;                ///< what becomes of it: an output of that source alone
  std::int64_t size = 0;          ///< of the source, bytes
  Millis duration = 0;            ///< of the source
  Millis length = 0;              ///< of the part that is wanted
  std::vector<Segment> segments;  ///< that it can be encoded in; one at least
  Findings found;
};

/// What is to be made of one input, all in one decode.
struct Job {
  std::vector<OutputSpec> outputs;
  int threads = 1;              ///< cores this run may use
  bool accept_damaged = false;  ///< see TaskSpec
  /// Several sources that follow each other; the first is the input, the others come from
  /// OutputFiles::open. Empty: the input alone.
  std::vector<Piece> pieces{};
  /// Only join them: Made::outputs is then the one file, and the observer hears of the largest
  /// source of those whose pictures have to be encoded for it, if there are any. With
  /// `find_segments` Made::pieces says which of them can be encoded elsewhere, if any can, and
  /// nothing is made.
  bool join_only = false;
  /// Pieces that other runs have encoded, each segment as a job of its own: OutputFiles::open is
  /// asked for "piece/<its place>/" and what the joining of such a job is.
  std::vector<PieceWork> encoded{};
  // A long input may be encoded in segments, by several runs with the same outputs. At most one:
  /// Only say which they are, each about so long. Made::outputs are then the subtitles that are to
  /// be drawn, each with the one file that OutputFiles::open gives to the runs that follow.
  Millis find_segments = 0;
  /// Only encode these pictures. Made::outputs are then the encodes, each with the one file that
  /// the join will ask for, or none where it takes another part of the source.
  std::optional<Segment> segment{};
  /// Take the pictures from the files of such runs: OutputFiles::open is asked for
  /// "segment/<place in this list>/<number of the encode>".
  std::vector<Segment> segments{};
  /// With either of the last two.
  std::optional<Findings> found{};
};

/// What became of one output.
struct MadeOutput {
  std::optional<Error> error;  ///< set: the rest is empty
  /// name, media type and size; the first is what a client opens. Names are those given to
  /// OutputFiles: "<output>.mp4", ".webm"...; "<output>/master.m3u8",
  /// "<output>/<rendition>/index.m3u8", ".../init.mp4", ".../seg-00001.m4s" or ".ts"...;
  /// "<output>.jpg", ".png"; "<output>/00001.jpg"... in the order of the moments asked for;
  /// "<output>/index.vtt" and "<output>/00001.jpg"... of sprites.
  std::vector<OutputFile> files;
  std::optional<MediaFacts> facts;          ///< HLS: the best rendition's streams, all its sizes
  std::vector<MediaFacts> rendition_facts;  ///< HLS: in the order asked for
  std::vector<std::string> notes{};         ///< what of the source was left out, and why
};

struct Made {
  MediaFacts source;
  std::vector<MadeOutput> outputs;        ///< in the job's order
  std::optional<AnalysisFacts> analysis;  ///< of a job that analyses
  std::vector<Segment> segments{};        ///< in order, apart or touching; none: it stays whole
  Findings found{};                       ///< beside segments: see Job
  std::vector<PieceWork> pieces{};        ///< see Job::join_only
};

}  // namespace telecine::media

namespace telecine {

json::object to_json(const media::Findings& found);
media::Findings findings_from(const json::value& value);
json::array to_json(const media::Segment& segment);
std::optional<media::Segment> segment_from(const json::value& value);
json::array to_json(const std::vector<media::Segment>& segments);
std::vector<media::Segment> segments_from(const json::array& list);
json::array to_json(const std::vector<media::PieceWork>& pieces);
std::vector<media::PieceWork> piece_works_from(const json::array& list);
json::object to_json(const media::Made& made);
media::Made made_from(const json::value& value);

}  // namespace telecine
