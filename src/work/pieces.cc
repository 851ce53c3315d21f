#include "work/pieces.h"

#include <algorithm>

#include "work/segments.h"

namespace telecine {
namespace {

std::size_t segments_in(const std::vector<media::PieceWork>& pieces) {
  std::size_t count = 0;
  for (const media::PieceWork& work : pieces) count += work.segments.size();
  return count;
}

}  // namespace

PieceShare piece_share_of(const json::object& payload) {
  const LooseReader in(payload);
  PieceShare share;
  share.piece = in.small("piece");
  share.size = in.integer("size");
  share.duration = in.integer("duration");
  if (const auto* form = in.at("form")) {
    if (auto spec = output_spec_from(*form, "")) share.form = std::move(*spec);
  }
  share.pieces = piece_works_from(in.list("pieces"));
  return share;
}

double joined_share(const json::object& payload) {
  return LooseReader(payload).number("joined");
}

bool are_pieces(const std::vector<media::PieceWork>& pieces, std::size_t count) {
  constexpr std::size_t kMostSegments = 10'000;
  const auto is_one = [&](const media::PieceWork& work) {
    const bool is_there = work.piece >= 0 && static_cast<std::size_t>(work.piece) < count &&
                          work.form.renditions.size() == 1;
    return is_there && are_segments(work.segments);
  };
  return std::ranges::all_of(pieces, is_one) && segments_in(pieces) <= kMostSegments &&
         std::ranges::adjacent_find(pieces, std::greater_equal(), &media::PieceWork::piece) ==
             pieces.end();
}

std::string piece_segment_name(int piece, int index) {
  return kPieceNames + std::to_string(piece) + "/" + segment_name(index);
}

std::vector<NewUnit> piece_units(const json::object& payload,
                                 const std::vector<media::PieceWork>& pieces) {
  std::vector<NewUnit> units;
  const int count = static_cast<int>(segments_in(pieces));
  for (const media::PieceWork& work : pieces) {
    for (std::size_t i = 0; i < work.segments.size(); ++i) {
      json::object& own = units.emplace_back(UnitKind::kEncode, payload).payload;
      own["piece"] = work.piece;
      own["size"] = work.size;
      own["duration"] = work.duration;
      own["form"] = to_json(work.form);
      own["found"] = to_json(work.found);
      own["index"] = static_cast<int>(i);
      own["count"] = count;
      own["segment"] = to_json(work.segments[i]);
    }
  }
  NewUnit& join = units.emplace_back(UnitKind::kPackage, payload);
  join.payload["pieces"] = to_json(pieces);
  join.waits = true;
  return units;
}

NewUnit joined_unit(json::object payload, double share) {
  payload.erase("pieces");
  payload["joined"] = share;
  return {UnitKind::kEncode, std::move(payload)};
}

}  // namespace telecine
