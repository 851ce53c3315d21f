#include "media/combing.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace telecine::media {
namespace {

// px; so many of its pixels make a block combed.
constexpr int kBlock = 16;
constexpr int kCombed = 10;
// Of the range: how far lines beside each other are apart, and those of one field at the most.
constexpr double kApart = 0.06;
constexpr double kTogether = 0.02;

template <class Sample>
const Sample* line_of(const AVFrame& frame, int y) {
  return reinterpret_cast<const Sample*>(frame.data[0] + y * frame.linesize[0]);
}

struct Limits {
  int apart;
  int together;
};

/// Pixels of one line of a block that stand against the line above and fit the one above that. The
/// length is fixed so that compilers make vectors of it.
template <class Sample>
int combed_in(const Sample* const (&lines)[4], int x, Limits limits) {
  int count = 0;
  for (int i = x; i < x + kBlock; ++i) {
    const int apart = std::abs(lines[0][i] - lines[1][i]) > limits.apart ? 1 : 0;
    const int even = std::abs(lines[0][i] - lines[2][i]) <= limits.together ? 1 : 0;
    const int odd = std::abs(lines[1][i] - lines[3][i]) <= limits.together ? 1 : 0;
    count += apart & even & odd;
  }
  return count;
}

template <class Sample>
bool has_combed_block(const AVFrame& frame, int range) {
  const Limits limits{std::max(1, static_cast<int>(kApart * range)),
                      static_cast<int>(kTogether * range)};
  std::vector<int> combed(static_cast<std::size_t>(frame.width / kBlock));
  for (int y = 3; y < frame.height; ++y) {
    const Sample* lines[4];
    for (int i = 0; i < 4; ++i) lines[i] = line_of<Sample>(frame, y - i);
    for (std::size_t block = 0; block < combed.size(); ++block) {
      combed[block] += combed_in(lines, static_cast<int>(block) * kBlock, limits);
    }
    if (y % kBlock != kBlock - 1 && y + 1 < frame.height) continue;
    if (std::ranges::any_of(combed, [](int count) { return count >= kCombed; })) return true;
    std::ranges::fill(combed, 0);
  }
  return false;
}

}  // namespace

bool has_plain_luma(const AVFrame& frame) {
  constexpr std::uint64_t kOthers = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL |
                                    AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                    AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_FLOAT;
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (format == nullptr) return false;
  const AVComponentDescriptor& luma = format->comp[0];
  return (format->flags & kOthers) == 0 && luma.step == (luma.depth > 8 ? 2 : 1) && luma.shift == 0;
}

bool is_combed(const AVFrame& frame) {
  const int depth = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format))->comp[0].depth;
  const int range = (1 << depth) - 1;
  return depth > 8 ? has_combed_block<std::uint16_t>(frame, range)
                   : has_combed_block<std::uint8_t>(frame, range);
}

}  // namespace telecine::media
