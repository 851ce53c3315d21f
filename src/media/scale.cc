#include "media/scale.h"

extern "C" {
#include <libavutil/imgutils.h>
}

namespace telecine::media {
namespace {

constexpr int kAlignment = 64;  // AVX-512 loads; also what libav's own frames have
// swscale may write a vector beyond the last line.
constexpr int kPadding = 64;

// The yuvj formats say "full range" in their name; swscale is told so explicitly instead.
AVPixelFormat without_range(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    default:
      return format;
  }
}

const int* coefficients(AVColorSpace matrix) {
  switch (matrix) {
    case AVCOL_SPC_BT709:
      return sws_getCoefficients(SWS_CS_ITU709);
    case AVCOL_SPC_FCC:
      return sws_getCoefficients(SWS_CS_FCC);
    case AVCOL_SPC_SMPTE240M:
      return sws_getCoefficients(SWS_CS_SMPTE240M);
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return sws_getCoefficients(SWS_CS_BT2020);
    default:
      return sws_getCoefficients(SWS_CS_ITU601);
  }
}

}  // namespace

bool is_rgb(AVPixelFormat format) {
  const auto* facts = av_pix_fmt_desc_get(format);
  return facts != nullptr && (facts->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

AVColorSpace matrix_of(const AVFrame& frame) {
  const bool is_yuv_tag = frame.colorspace != AVCOL_SPC_UNSPECIFIED &&
                          frame.colorspace != AVCOL_SPC_RGB &&
                          frame.colorspace != AVCOL_SPC_RESERVED;
  if (is_yuv_tag) return frame.colorspace;
  return frame.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

bool is_full_range(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  return frame.color_range == AVCOL_RANGE_JPEG || without_range(format) != format;
}

Status Scaler::prepare(const Geometry& source) {
  const auto from = static_cast<AVPixelFormat>(source.format);
  const double shape[2] = {0, sharpness_};
  context_.reset(sws_getContext(source.width, source.height, without_range(from), size_.width,
                                size_.height, without_range(format_.format), SWS_BICUBIC, nullptr,
                                nullptr, shape));
  if (!context_) {
    return fail(ErrorCode::kUnsupported, "pictures of this format and size cannot be scaled");
  }
  // For YUV to YUV swscale keeps the matrix whatever it is told; only the range changes.
  const AVColorSpace to = format_.space == AVCOL_SPC_UNSPECIFIED ? source.matrix : format_.space;
  const bool full_target = format_.range == AVCOL_RANGE_JPEG;
  sws_setColorspaceDetails(context_.get(), coefficients(source.matrix), source.full_range ? 1 : 0,
                           coefficients(to), full_target ? 1 : 0, 0, 1 << 16, 1 << 16);
  source_ = source;
  return {};
}

Result<FramePtr> Scaler::blank() {
  const int bytes = av_image_get_buffer_size(format_.format, size_.width, size_.height, kAlignment);
  if (bytes < 0) {
    return std::unexpected(av_error(bytes, "a picture cannot be made", ErrorCode::kUnsupported));
  }
  if (!pool_) {
    pool_.reset(av_buffer_pool_init(static_cast<std::size_t>(bytes) + kPadding, nullptr));
  }
  FramePtr frame = make_frame();
  frame->buf[0] = pool_ ? av_buffer_pool_get(pool_.get()) : nullptr;
  if (frame->buf[0] == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  frame->format = format_.format;
  frame->width = size_.width;
  frame->height = size_.height;
  av_image_fill_arrays(frame->data, frame->linesize, frame->buf[0]->data, format_.format,
                       size_.width, size_.height, kAlignment);
  return frame;
}

bool Scaler::fits_already(const AVFrame& frame) const {
  if (frame.width != size_.width || frame.height != size_.height) return false;
  if (frame.format != format_.format || is_rgb(format_.format)) {
    return frame.format == format_.format;
  }
  return is_full_range(frame) == (format_.range == AVCOL_RANGE_JPEG);
}

Result<FramePtr> Scaler::scale(const AVFrame& frame) {
  if (fits_already(frame)) {
    FramePtr same = share(frame);
    same->pict_type = AV_PICTURE_TYPE_NONE;
    return same;
  }
  const bool rgb_source = is_rgb(static_cast<AVPixelFormat>(frame.format));
  const AVColorSpace matrix = rgb_source ? AVCOL_SPC_SMPTE170M : matrix_of(frame);
  const Geometry source{frame.width, frame.height, frame.format, is_full_range(frame) || rgb_source,
                        matrix};
  if (source != source_ || !context_) {
    if (auto ok = prepare(source); !ok) return std::unexpected(ok.error());
  }
  auto out = blank();
  if (!out) return out;
  const int lines = sws_scale(context_.get(), frame.data, frame.linesize, 0, frame.height,
                              (*out)->data, (*out)->linesize);
  if (lines < 0) {
    return std::unexpected(av_error(lines, "scaling failed", ErrorCode::kInternal));
  }
  AVFrame& made = **out;
  made.pts = frame.pts;
  made.pkt_duration = frame.pkt_duration;
  made.color_range = format_.range;
  made.color_primaries = frame.color_primaries;
  made.color_trc = frame.color_trc;
  made.colorspace = format_.space == AVCOL_SPC_UNSPECIFIED ? frame.colorspace : format_.space;
  made.sample_aspect_ratio = {1, 1};
  return out;
}

}  // namespace telecine::media
