#include "media/hdr_colour.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "media/scale.h"

namespace telecine::media {
namespace {

constexpr double kGraphicsWhite = 203;  // cd/m2
constexpr double kPqPeak = 10'000;      // cd/m2
constexpr double kHlgWhite = 0.265;     // scene light whose signal is 0.75

double linear(double s) {
  return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
}

/// BT.709's primaries seen from BT.2020's (BT.2087).
Channels widened(const Channels& c) {
  return {0.6274 * c[0] + 0.3293 * c[1] + 0.0433 * c[2],
          0.0691 * c[0] + 0.9195 * c[1] + 0.0114 * c[2],
          0.0164 * c[0] + 0.0880 * c[1] + 0.8956 * c[2]};
}

/// SMPTE ST 2084.
double pq(double share_of_peak) {
  const double power = std::pow(std::max(0.0, share_of_peak), 0.1593017578125);
  return std::pow((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power), 78.84375);
}

/// ARIB STD-B67.
double hlg(double light) {
  if (light <= 1.0 / 12) return std::sqrt(3 * std::max(0.0, light));
  return 0.17883277 * std::log(12 * light - 0.28466892) + 0.55991073;
}

/// The weights of red and blue in a matrix's luma.
std::pair<double, double> weights_of(AVColorSpace matrix) {
  switch (matrix) {
    case AVCOL_SPC_BT709:
      return {0.2126, 0.0722};
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return {0.2627, 0.0593};
    default:
      return {0.299, 0.114};
  }
}

}  // namespace

Channels drawn_in(AVColorTransferCharacteristic transfer, const Channels& srgb) {
  if (transfer != AVCOL_TRC_SMPTE2084 && transfer != AVCOL_TRC_ARIB_STD_B67) return srgb;
  Channels out = widened({linear(srgb[0]), linear(srgb[1]), linear(srgb[2])});
  for (double& channel : out) {
    channel = transfer == AVCOL_TRC_SMPTE2084 ? pq(channel * kGraphicsWhite / kPqPeak)
                                              : hlg(channel * kHlgWhite);
  }
  return out;
}

std::array<int, 3> samples_of(const AVFrame& frame, const Channels& srgb, int depth) {
  const auto [r, g, b] = drawn_in(frame.color_trc, srgb);
  const auto [red, blue] = weights_of(matrix_of(frame));
  const double luma = red * r + (1 - red - blue) * g + blue * b;
  const double unit = 1 << (depth - 8);
  const auto sample = [unit](double value) { return static_cast<int>(std::lround(value * unit)); };
  return {sample(16 + 219 * luma), sample(128 + 224 * (b - luma) / (2 - 2 * blue)),
          sample(128 + 224 * (r - luma) / (2 - 2 * red))};
}

}  // namespace telecine::media
