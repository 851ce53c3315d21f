#include "media/fit_level.h"

#include <algorithm>
#include <cstdio>

#include "task/levels.h"

namespace telecine::media {
namespace {

constexpr int kMacroblock = 16;

bool is_h264(const VideoSettings& settings) {
  return settings.options.codec == VideoCodec::kH264;
}

/// In the unit of its codec's levels.
std::int64_t picture_of(const VideoSettings& settings) {
  const auto width = static_cast<std::int64_t>(settings.size.width);
  const auto height = static_cast<std::int64_t>(settings.size.height);
  if (!is_h264(settings)) return width * height;
  return ((width + kMacroblock - 1) / kMacroblock) * ((height + kMacroblock - 1) / kMacroblock);
}

/// No side may be longer than this many pictures of the level's size in a row would be.
bool is_too_long(const VideoSettings& settings, const Level& level) {
  const std::int64_t unit = is_h264(settings) ? kMacroblock : 1;
  const std::int64_t side = (std::max(settings.size.width, settings.size.height) + unit - 1) / unit;
  return side * side > 8 * level.picture;
}

std::unexpected<Error> beyond(const Level& level, const std::string& what) {
  return fail(ErrorCode::kUnsupported, what + " is more than decoders of level " +
                                           level_name(level.number) +
                                           " take: ask for less, or for a higher level");
}

std::int64_t raised(std::int64_t amount, const VideoSettings& settings) {
  const Profile profile = settings.options.profile;
  const bool is_high =
      is_h264(settings) && (profile == Profile::kAuto || profile == Profile::kHigh);
  return is_high ? amount / 4 * 5 : amount;
}

}  // namespace

Status fit_level(VideoSettings& settings) {
  const VideoOptions& options = settings.options;
  const Level* level = level_of(options.codec, options.level);
  if (level == nullptr) return {};
  const std::string size =
      std::to_string(settings.size.width) + "x" + std::to_string(settings.size.height);
  const std::int64_t picture = picture_of(settings);
  if (picture > level->picture || is_too_long(settings, *level)) return beyond(*level, size);
  const double rate = av_q2d(settings.frame_rate);
  constexpr double kRounding = 1.001;
  if (static_cast<double>(picture) * rate > static_cast<double>(level->rate) * kRounding) {
    char words[64];
    std::snprintf(words, sizeof words, " at %.4g frames/s", rate);
    return beyond(*level, size + words);
  }
  RateControl& control = settings.options.rate;
  const std::int64_t most = raised(level->bitrate, settings);
  const std::int64_t asked = std::max(control.bitrate.value_or(0), control.max_rate.value_or(0));
  if (asked > most) return beyond(*level, std::to_string(asked) + " bit/s");
  const std::int64_t most_buffer = raised(level->buffer, settings);
  if (!control.max_rate) control.max_rate = most;
  control.buffer = std::min(control.buffer.value_or(most_buffer), most_buffer);
  return {};
}

int most_references(const VideoSettings& settings) {
  const Level* level = level_of(settings.options.codec, settings.options.level);
  if (level == nullptr || !is_h264(settings)) return 0;
  constexpr std::int64_t kMost = 16;
  return static_cast<int>(
      std::min(kMost, level->pictures / std::max<std::int64_t>(1, picture_of(settings))));
}

}  // namespace telecine::media
