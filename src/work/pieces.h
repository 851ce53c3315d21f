#pragma once

#include <vector>

#include "base/json.h"
#include "job/job.h"
#include "task/task.h"

namespace telecine {

/// Sources that follow each other are joined before anything else is made of them. The first encode
/// unit looks at them. Where all can be copied, or little is to be encoded, it joins them as well;
/// else its commit makes an encode unit for each segment of the pieces, and a package unit, which
/// waits for them and joins. The joined file is then the input of an encode unit like any other's.

/// What such a unit's payload says it is; segments are as those of one source.
struct PieceShare {
  int piece = 0;                   ///< of a segment: of which piece
  std::optional<OutputSpec> form;  ///< what is made of that
  std::int64_t size = 0;           ///< and what it was when it was looked at
  Millis duration = 0;
  std::vector<media::PieceWork> pieces;  ///< of the package unit: all that was encoded
};
PieceShare piece_share_of(const json::object& payload);

/// The share of the whole work, about, that is done once the sources are joined: kept in the
/// payload of what follows. 0: they are not, or there is only one.
double joined_share(const json::object& payload);

/// Whether a run says what can be true of a task with so many pieces, and what can be shared out:
/// the child is not trusted.
bool are_pieces(const std::vector<media::PieceWork>& pieces, std::size_t count);
/// The name of what a segment of a piece leaves.
std::string piece_segment_name(int piece, int index);

/// The units that encode the pieces and join them. `payload` is the first unit's.
std::vector<NewUnit> piece_units(const json::object& payload,
                                 const std::vector<media::PieceWork>& pieces);
/// The unit that makes the outputs of the joined file.
NewUnit joined_unit(json::object payload, double share);

}  // namespace telecine
