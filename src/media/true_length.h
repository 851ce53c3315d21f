#pragma once

#include "media/input.h"

namespace telecine::media {

/// Puts right how long a file and its streams say they are, if its clock was set anew on the way:
/// libav reckons with the first and the last time only. In formats whose clocks may leap, looks at
/// the clock in some places, and in more where it goes otherwise than elsewhere, unless it is
/// `known` how long the file is. Of several programs, each with a clock of its own, the first
/// counts. A leap is not found that is less than what a thirtieth of the file shows. `input` stays
/// where it is.
void mend_length(Input& input, Millis known);

}  // namespace telecine::media
