#include "media/best_picture.h"

#include <algorithm>

#include "media/filter_chain.h"

namespace telecine::media {
namespace {

// Small enough to cost little beside the decoding, and all that a preview shows.
constexpr const char* kMeasures =
    "scale=320:-2:flags=area,format=yuv420p,entropy,blurdetect=block_width=32:block_height=32:"
    "block_pct=80,signalstats";

// The width of edges, in px of those, at which a picture looks soft. Sharp ones have about 4.
constexpr double kSoft = 8;
// Luma of the darkest and the brightest good pictures, of 255.
constexpr double kDark = 40;
constexpr double kBright = 215;

/// 1 between the two, less the further beyond.
double exposure(double luma) {
  if (luma < kDark) return luma / kDark;
  if (luma > kBright) return (255 - luma) / (255 - kBright);
  return 1;
}

}  // namespace

Result<double> looks_of(const AVFrame& frame) {
  auto seen = filtered(frame, kMeasures);
  if (!seen) return std::unexpected(seen.error());
  const auto number = [&](const char* key) { return number_note(**seen, key); };
  const double detail = number("lavfi.entropy.normalized_entropy.normal.Y").value_or(0);
  const double blur = number("lavfi.blur").value_or(kSoft) / kSoft;
  const double colour = number("lavfi.signalstats.SATAVG").value_or(0);
  // Detail counts most; colour settles what is otherwise alike.
  return detail / (1 + blur * blur) * exposure(number("lavfi.signalstats.YAVG").value_or(128)) *
         (1 + std::min(colour, 60.0) / 600);
}

Status BestPicture::offer(const AVFrame& frame) {
  const auto looks = looks_of(frame);
  if (!looks) return std::unexpected(looks.error());
  if (best_ && *looks <= score_) return {};
  best_ = share(frame);
  score_ = *looks;
  return {};
}

}  // namespace telecine::media
