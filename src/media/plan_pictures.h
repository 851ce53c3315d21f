#pragma once

#include "media/plan.h"

namespace telecine::media {

/// What a stream's colours are; where it does not say, what players take them for.
ColourTags source_colours(const AVStream& stream);

/// How often pictures come, where a source says something that can be true.
AVRational shown_rate(const VideoFacts& facts);

/// The encode that options mean for a source. kInvalidParameter for a crop outside of it.
Result<PlannedVideo> plan_pictures(const VideoOptions& wanted, OutputType use,
                                   const SourceStreams& source);

/// Larger pictures first, each with the smallest larger one it can be scaled from.
void arrange_pictures(Plan& plan, const VideoFacts& source);

}  // namespace telecine::media
