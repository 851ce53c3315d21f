#pragma once

#include "media/av.h"

namespace telecine::media {

/// One plane of a planar picture, and how many of its samples a luma sample is apart.
template <typename Sample>
struct Plane {
  std::uint8_t* data = nullptr;
  int line = 0;
  int width = 0;
  int height = 0;
  int step = 1;  ///< luma samples for each of its own, in both directions

  Sample& at(int x, int y) const {
    auto* row = reinterpret_cast<Sample*>(data + static_cast<std::ptrdiff_t>(y) * line);
    return row[x];
  }
};

/// Of a 4:2:0 picture.
template <typename Sample>
Plane<Sample> plane_of(const AVFrame& frame, std::size_t place) {
  const int step = place == 0 ? 1 : 2;
  return {frame.data[place], frame.linesize[place], (frame.width + step - 1) / step,
          (frame.height + step - 1) / step, step};
}

/// Bits of a sample.
int depth_of(const AVFrame& frame);

}  // namespace telecine::media
