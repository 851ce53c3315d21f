#pragma once

#include <string>
#include <string_view>

namespace telecine {

/// A language as playlists name it (BCP 47): "en" for "eng" and "EN", "de" for "ger" and "deu",
/// others in lower case as they are. Empty for none and for "und".
std::string language_tag(std::string_view language);

/// Whether a track in `language` is what somebody who asks for `wanted` means: the same language,
/// or a regional form of it.
bool speaks(std::string_view language, std::string_view wanted);

}  // namespace telecine
