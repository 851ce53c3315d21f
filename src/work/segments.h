#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "media/pipeline.h"
#include "task/task.h"

namespace telecine {

/// A long input is encoded in segments, each a unit, so that a crash costs at most the one in hand
/// and several workers share them. The first encode unit finds the cuts; its commit makes an encode
/// unit for each segment, one for the outputs that are not encoded pictures, if there are any, and
/// a package unit, which waits for them all, joins what they left and makes the sound.

/// Whether an output's pictures are encoded: it may be made in segments.
bool is_segmentable(const OutputSpec& spec);

/// What an encode or package unit's payload says it is.
struct UnitShare {
  int segments = 0;                       ///< of a segment's unit and the package unit: how many
  int index = 0;                          ///< of a segment
  std::optional<media::Segment> segment;  ///< only these pictures
  bool others = false;                    ///< only the outputs that are not segmentable
  std::optional<std::vector<media::Reused>> reused;  ///< of segments and their package: see Job
};
UnitShare share_of(const json::object& payload);

/// The units that follow the cutting. `payload` is the first unit's, whose input they share.
std::vector<NewUnit> segment_units(const json::object& payload, const media::Made& found,
                                   bool others);

json::array to_json(const std::vector<media::Reused>& reused);
std::vector<media::Reused> reused_from(const json::array& list);

/// What a segment's unit leaves: the object of each encode, or why there is none.
json::object segment_part(int index, const std::vector<media::MadeOutput>& encodes);
/// The URL of an encode's object in what such units left. The name is the one OutputFiles::open is
/// asked for.
Result<std::string> segment_object(const std::vector<json::object>& parts, std::string_view name);

}  // namespace telecine
