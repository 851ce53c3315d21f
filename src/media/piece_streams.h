#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/encoders.h"
#include "media/input.h"
#include "task/facts.h"

namespace telecine::media {

/// What of a source is joined to others.
struct PieceStreams {
  const AVStream* video = nullptr;
  const AVStream* audio = nullptr;
  VideoFacts facts;  ///< of the video
};
PieceStreams streams_of(Input& input);

/// A piece while it is looked at.
struct OpenPiece {
  std::shared_ptr<Input> input;
  PieceStreams streams;
};
Result<OpenPiece> open_piece(int fd);

/// "inputs[2]".
std::string name_of_piece(std::size_t piece);
/// An error that says in which piece it is.
Error in_piece(Error error, std::size_t piece);

/// Whether packets of one can follow those of the other in one track.
bool same_pictures(const PieceStreams& a, const PieceStreams& b);
bool same_sound(const PieceStreams& a, const PieceStreams& b);

/// What the pictures of a piece look like.
struct Look {
  ColourTags colours;
  int depth = 8;  ///< bits
};
Look look_of(const PieceStreams& piece);
/// Sets colours and depth that all pieces can be brought to: their own where these are the same,
/// else those of BT.709. There is one look at least.
void set_common_look(VideoOptions& video, const std::vector<Look>& looks);

}  // namespace telecine::media
