#pragma once

#include "media/pipeline.h"

namespace telecine::media {

/// A job's pieces, one after another, as one file. Streams that are alike in all pieces are copied,
/// parts of them as SmartClip cuts them; others are encoded to look and sound like the first
/// piece's: its size, with bars where shapes differ, 48 kHz, no more than two channels, with little
/// loss. Where only some pieces have sound, silence stands in for it in the others. The file is one
/// of `files` that is no output's.
///
/// Errors name the piece ("inputs[2]"). The observer hears of progress, and never of a source.
Result<Fd> join_pieces(int first, const Job& job, OutputFiles& files, Observer& observer);

}  // namespace telecine::media
