#include "media/normalise.h"

#include <utility>

namespace telecine::media {
namespace {

// bwdif: yadif's motion check with better interpolation at the same price class. One picture a
// frame.
constexpr const char* kDeinterlacer = "bwdif=mode=send_frame:parity=auto:deint=interlaced";

/// Colours times opacity are what is seen on black.
constexpr const char* kOpaque =
    "premultiply=inplace=1,format=gbrp|yuv444p|gbrp10|gbrp12|gbrp16|yuv444p10|yuv444p12|yuv444p16";

bool has_alpha(const AVFrame& frame) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return format != nullptr && (format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

/// Which filters do it is nobody's business.
std::unexpected<Error> cannot(Error error) {
  if (error.code == ErrorCode::kUnsupported) {
    error.message = "the picture cannot be turned upright or deinterlaced";
  }
  return std::unexpected(std::move(error));
}

}  // namespace

std::string orientation_filters(const Orientation& o) {
  switch (o.rotation) {
    case 90:
      return o.mirrored ? "transpose=clock_flip" : "transpose=clock";
    case 180:
      return o.mirrored ? "vflip" : "hflip,vflip";
    case 270:
      return o.mirrored ? "transpose=cclock_flip" : "transpose=cclock";
    default:
      return o.mirrored ? "hflip" : "";
  }
}

Status Normaliser::start() {
  std::string filters = transparent_ ? kOpaque : "";
  if (deinterlaces_) filters += (filters.empty() ? "" : ",") + std::string(kDeinterlacer);
  if (const std::string turn = orientation_filters(orientation_); !turn.empty()) {
    filters += (filters.empty() ? "" : ",") + turn;
  }
  if (chain_) {
    if (auto ok = chain_->finish(); !ok) return ok;
  }
  chain_.emplace(filters, [ready = ready_.get()](const AVFrame& frame, Ticks at) {
    ready->push_back(share(frame));
    ready->back()->pts = at;
    return Status();
  });
  return {};
}

/// What is left to be done to a picture that is none of a telecine any more.
Status Normaliser::settle(FramePtr frame) {
  const bool starts_deinterlacing =
      !deinterlaces_ && wanted_ != Deinterlace::kOff && frame->interlaced_frame != 0;
  deinterlaces_ = deinterlaces_ || starts_deinterlacing;
  const bool starts_transparent = !keeps_alpha_ && !transparent_ && has_alpha(*frame);
  transparent_ = transparent_ || starts_transparent;
  if (!deinterlaces_ && !transparent_ && orientation_ == Orientation{}) {
    ready_->push_back(std::move(frame));
    return {};
  }
  if (starts_deinterlacing || starts_transparent || !chain_) {
    if (auto ok = start(); !ok) return ok;
  }
  return chain_->push(*frame, frame->pts);
}

Result<std::vector<FramePtr>> Normaliser::push(FramePtr frame) {
  if (wanted_ == Deinterlace::kOn && frame->interlaced_frame == 0) {
    frame->interlaced_frame = 1;
    frame->top_field_first = 1;
  }
  interlaced_ = interlaced_ || frame->interlaced_frame != 0;
  auto pictures = pulldown_.push(std::move(frame), interlaced_ && wanted_ != Deinterlace::kOff);
  if (!pictures) return std::unexpected(pictures.error());
  for (FramePtr& picture : *pictures) {
    if (auto ok = settle(std::move(picture)); !ok) return cannot(ok.error());
  }
  return std::exchange(*ready_, {});
}

Result<std::vector<FramePtr>> Normaliser::finish() {
  auto pictures = pulldown_.finish();
  if (!pictures) return std::unexpected(pictures.error());
  for (FramePtr& picture : *pictures) {
    if (auto ok = settle(std::move(picture)); !ok) return cannot(ok.error());
  }
  if (chain_) {
    if (auto ok = chain_->finish(); !ok) return cannot(ok.error());
  }
  return std::exchange(*ready_, {});
}

}  // namespace telecine::media
