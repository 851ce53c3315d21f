#pragma once

#include "media/av.h"
#include "task/rendition.h"

namespace telecine::media {

/// Of a palette too.
bool is_rgb(AVPixelFormat format);

/// Whether a smaller rendition is scaled from a larger one instead of from the source. It saves
/// most of the scaling time of a ladder; the larger picture is taken before encoding.
inline constexpr bool kCascadeScaling = true;
/// A step must be at least this large: small steps in a row blur.
inline constexpr double kLeastCascadeStep = 1.5;
/// The C of the bicubic filter (B is 0): swscale's own 0.6 from the source, and more from a picture
/// that was scaled before, which makes up for the detail the first step took. Measured on a
/// 1080p-720p-480p/360p ladder: sizes and PSNR come out as with direct scaling.
inline constexpr double kSharpness = 0.6;
inline constexpr double kCascadeSharpness = 0.75;

/// What scaled pictures are.
struct PictureFormat {
  AVPixelFormat format = AV_PIX_FMT_YUV420P;
  AVColorRange range = AVCOL_RANGE_MPEG;
  /// Matrix of a YUV picture; AVCOL_SPC_UNSPECIFIED keeps the source's.
  AVColorSpace space = AVCOL_SPC_UNSPECIFIED;
  bool operator==(const PictureFormat&) const = default;
};

/// The matrix to assume for a picture: its own tag, else what players assume for its size.
AVColorSpace matrix_of(const AVFrame& frame);
/// True for full-range YUV (by tag or by the yuvj formats); RGB is not asked.
bool is_full_range(const AVFrame& frame);

/// Turns pictures of any size and format into one size and format. Follows changes of the input
/// in mid-stream. A picture that needs nothing passes as another reference. One thread.
class Scaler {
 public:
  Scaler(Dimensions size, PictureFormat format, double sharpness = kSharpness)
      : size_(size), format_(format), sharpness_(sharpness) {}

  /// Keeps timestamps and duration; other side data and the picture type are dropped.
  Result<FramePtr> scale(const AVFrame& frame);
  Dimensions size() const { return size_; }

 private:
  struct Geometry {
    int width = 0;
    int height = 0;
    int format = -1;
    bool full_range = false;
    AVColorSpace matrix = AVCOL_SPC_UNSPECIFIED;
    bool operator==(const Geometry&) const = default;
  };

  Status prepare(const Geometry& source);
  Result<FramePtr> blank();
  bool fits_already(const AVFrame& frame) const;

  Dimensions size_;
  PictureFormat format_;
  double sharpness_;
  Geometry source_;
  SwsPtr context_;
  BufferPoolPtr pool_;
};

}  // namespace telecine::media
