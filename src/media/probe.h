#pragma once

#include "base/error.h"
#include "media/input.h"
#include "task/facts.h"

namespace telecine::media {

/// Everything of task/facts.h that a file says about itself, except its MD5. `fd` is an open
/// regular file; its own offset is not used. kNotMedia when nothing in it can be recognised,
/// kResourceLimit when it claims more than allow.h bounds. Bounded time: the headers and at most
/// the first seconds are read, and all of a file whose clock leaps.
Result<MediaFacts> probe(int fd);

/// The same of a file already open. Packets it had to read are handed out by `input.read()` later.
/// `known` is how long the file is, if somebody found out that already.
MediaFacts probe(Input& input, Millis known = 0);

}  // namespace telecine::media
