#pragma once

#include <cstdint>
#include <vector>

#include "media/av.h"
#include "task/rendition.h"

namespace telecine::media {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};

/// How much lighter one colour is than another: 1 for equal ones, 21 for black and white (WCAG 2).
double contrast(Colour a, Colour b);

struct Box {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

/// A picture to draw on, 8 bits of red, green and blue. What lies outside is cut off. One thread.
class Canvas {
 public:
  explicit Canvas(Dimensions size);

  Dimensions size() const { return size_; }
  void fill(Colour colour);
  void fill(Box box, Colour colour);
  /// The four edges of a box, drawn inside it.
  void frame(Box box, int thickness, Colour colour);
  /// A ring around (x, y), with soft edges.
  void ring(double x, double y, double radius, double thickness, Colour colour);
  /// A filled triangle with soft edges.
  void triangle(const double (&x)[3], const double (&y)[3], Colour colour);
  /// Copies an RGB24 picture.
  void put(const AVFrame& picture, int x, int y);
  /// Mixes one pixel: `alpha` 0...255 of `colour`.
  void blend(int x, int y, Colour colour, int alpha);

  Result<FramePtr> to_rgb() const;
  /// As planar 4:2:0 in BT.709, for the encoder. Sides must be even.
  Result<FramePtr> to_yuv() const;

 private:
  Dimensions size_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace telecine::media
