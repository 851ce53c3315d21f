#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace telecine::media {

/// What the camera does, as far as words say.
enum class CameraMove : std::uint8_t { kNone, kLeft, kRight, kUp, kDown, kIn, kOut, kAround };

/// The first camera word found, English or Chinese.
CameraMove camera_move_in(std::string_view text);

/// A prompt as the texts of 1...`most` cards: cut at sentence ends, a long single sentence at
/// clauses, else every dozen words.
std::vector<std::string> cards_of(std::string_view prompt, int most);

}  // namespace telecine::media
