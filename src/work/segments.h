#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "job/job.h"
#include "task/task.h"

namespace telecine {

/// A long input is encoded in segments, each a unit, so that a crash costs at most the one in hand
/// and several workers share them. The first encode unit finds them; its commit makes an encode
/// unit for each, one for the outputs that are not encoded pictures, if there are any, and
/// a package unit, which waits for them all, joins what they left and makes the sound.

/// Whether an output's pictures are encoded: it may be made in segments.
bool is_segmentable(const OutputSpec& spec);

/// What an encode or package unit's payload says it is.
struct UnitShare {
  int index = 0;                          ///< of a segment
  int count = 0;                          ///< how many segments there are beside it
  std::optional<media::Segment> segment;  ///< only these pictures
  std::vector<media::Segment> segments;   ///< of the package unit: all of them
  bool others = false;                    ///< only the outputs that are not segmentable
  std::optional<media::Findings> found;   ///< of segments and their package: see Job

  /// Whether it is one of several units that read the same input.
  bool is_share() const { return count > 0 || others; }
};
UnitShare share_of(const json::object& payload);

/// Whether a run says what can be true, of one segment at least: the child is not trusted with it.
bool are_segments(const std::vector<media::Segment>& segments);
/// Names of what units leave for those that follow; no input is called so.
inline constexpr auto kSegmentNames = "segment/";
inline constexpr auto kScriptNames = "script/";
inline constexpr auto kPieceNames = "piece/";
/// Of a segment that lies at this place.
std::string segment_name(int index);

/// The units that follow the cutting. `payload` is the first unit's, whose input they share.
std::vector<NewUnit> segment_units(const json::object& payload, const media::Made& found,
                                   bool others);

/// What units leave for those that follow them (UnitOutcome::part).
using Parts = std::vector<json::object>;
/// The objects of files, by their names, and what is to be said of the source.
json::object files_part(const std::vector<media::MadeOutput>& made);
/// Of a segment's unit: the same by the names that the join asks for, "<segment>/<encode>", or why
/// there is no such file.
json::object segment_part(const std::string& segment,
                          const std::vector<media::MadeOutput>& encodes);

/// How many segments have ended whose names begin like this.
int segments_ended(const Parts& parts, std::string_view begin);
/// All that is to be said of the source, once each; while segments are still encoded, without
/// what they say.
std::vector<std::string> notes_of(const Parts& parts, bool with_segments = true);
/// The URL of the object that such units left under a name that OutputFiles::open is asked for.
Result<std::string> left_object(const Parts& parts, const std::string& name);

}  // namespace telecine
