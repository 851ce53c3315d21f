#pragma once

#include "media/input.h"

namespace telecine::media {

/// Puts right how long a file and its streams say they are, if its clock was set anew on the way:
/// libav reckons with the first and the last time only. In formats whose clocks may leap, looks at
/// the clock in many places, and reads all of the file where it seems to have leapt, unless it is
/// `known` how long the file is. `input` stays where it is.
void mend_length(Input& input, Millis known);

}  // namespace telecine::media
