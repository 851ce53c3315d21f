#pragma once

#include "base/error.h"
#include "media/input.h"
#include "task/facts.h"

namespace telecine::media {

/// Everything of task/facts.h that a file says about itself, except its MD5. `fd` is an open
/// regular file; its own offset is not used. kNotMedia when nothing in it can be recognised,
/// kResourceLimit when it claims more than allow.h bounds. Bounded time: the headers and at most
/// the first seconds are read.
Result<MediaFacts> probe(int fd);

/// The same of a file already open. Packets it had to read are handed out by `input.read()` later.
MediaFacts probe(Input& input);

}  // namespace telecine::media
