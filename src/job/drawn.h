#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/names.h"

namespace telecine::media {

/// A test clip drawn by code, for machines without clips.
struct SynthOptions {
  double seconds = 20;
  int width = 1280;  ///< px, even
  int height = 720;
  double fps = 25;
  bool audio = true;  ///< stereo 48 kHz: a quiet tone, and a beep with each flash
};

/// What an animatic does with its pictures.
enum class AnimaticShape : std::uint8_t {
  kCards,  ///< words only, or words with a picture inset on each card
  kMove,   ///< a slow pan or zoom over one picture
  kFromTo  ///< from the first picture to the last
};

/// A storyboard drawn by code out of words and a caller's own pictures, for installations without a
/// generative model. It says on every frame and in the file what it is.
struct AnimaticOptions {
  std::string prompt;
  std::string model;    ///< what was asked for, for the file's comment
  std::string version;  ///< of this program, likewise
  AnimaticShape shape = AnimaticShape::kCards;
  int pictures = 0;  ///< kCards: 0...3, kMove: 1, kFromTo: 2
  int width = 1280;  ///< px, even
  int height = 720;
  int fps = 24;
  int seconds = 8;
  std::int64_t seed = 0;
  bool sound = true;   ///< a stereo track
  bool ticks = false;  ///< a soft tick at the start of each card in it, else silence
};

/// Room the frames, cards and the encoder take. Bytes, an upper bound.
std::int64_t animatic_memory(const AnimaticOptions& options);

}  // namespace telecine::media

namespace telecine {

template <>
inline constexpr auto kNames<media::AnimaticShape> =
    std::to_array<Named<media::AnimaticShape>>({{media::AnimaticShape::kCards, "cards"},
                                                {media::AnimaticShape::kMove, "move"},
                                                {media::AnimaticShape::kFromTo, "from_to"}});

}  // namespace telecine
