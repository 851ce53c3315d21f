#include "media/decode.h"

#include <algorithm>

namespace telecine::media {
namespace {

// A single picture is not shown for longer than this whatever its packet claims.
constexpr Ticks kLongestFrame = 60LL * kTicksPerSecond;

void count_failure(DecodeTally& tally, int code) {
  ++tally.failures;
  tally.last_code = code;
}

}  // namespace

bool is_undamaged(const AVFrame& frame) {
  return (frame.flags & AV_FRAME_FLAG_CORRUPT) == 0 && frame.decode_error_flags == 0;
}

std::string DecodeTally::trouble() const {
  if (last_code == 0) return {};
  return av_error(last_code, "damaged data", ErrorCode::kDecodeFailed).message;
}

Ticks usual_step_of(const AVStream& stream) {
  AVRational rate = stream.avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = stream.r_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = {25, 1};
  return std::max<Ticks>(1, av_rescale(kTicksPerSecond, rate.den, rate.num));
}

VideoDecoder::VideoDecoder(const AVStream& stream, CodecContextPtr context, Ticks zero, Sink sink)
    : context_(std::move(context)),
      time_base_(stream.time_base),
      zero_(zero),
      usual_step_(usual_step_of(stream)),
      rounds_(stream.time_base.den <= 1000 * static_cast<std::int64_t>(stream.time_base.num)),
      sink_(std::move(sink)) {}

Result<VideoDecoder> VideoDecoder::open(const AVStream& stream, int threads, Ticks zero,
                                        Sink sink) {
  auto context = open_decoder(stream, threads);
  if (!context) return std::unexpected(context.error());
  return VideoDecoder(stream, std::move(*context), zero, std::move(sink));
}

Status VideoDecoder::decode(const AVPacket& packet, bool counts) {
  counts_ = counts;
  if (counts) ++tally_.packets;
  return send(&packet);
}

Status VideoDecoder::send(const AVPacket* packet) {
  int code = avcodec_send_packet(context_.get(), packet);
  // Frame threads may be full; they take the packet once their pictures are fetched.
  for (int tries = 0; code == AVERROR(EAGAIN) && tries < 100; ++tries) {
    if (auto ok = receive_all(); !ok) return ok;
    code = avcodec_send_packet(context_.get(), packet);
  }
  if (code == AVERROR(ENOMEM)) {
    return std::unexpected(av_error(code, "decoding failed", ErrorCode::kDecodeFailed));
  }
  if (code < 0 && code != AVERROR_EOF && counts_) count_failure(tally_, code);
  return receive_all();
}

Status VideoDecoder::receive_all() {
  // A decoder that fails over and over without taking new data is not asked for ever.
  for (int errors = 0; errors < 32;) {
    FramePtr frame = make_frame();
    const int code = avcodec_receive_frame(context_.get(), frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code == AVERROR(ENOMEM)) {
      return std::unexpected(av_error(code, "decoding failed", ErrorCode::kDecodeFailed));
    }
    if (code < 0) {
      if (counts_) count_failure(tally_, code);
      ++errors;
      continue;
    }
    ++tally_.frames;
    repair_time(*frame);
    if (auto ok = sink_(std::move(frame)); !ok) return ok;
  }
  return {};
}

void VideoDecoder::repair_time(AVFrame& frame) {
  constexpr Ticks kRounding = kTicksPerSecond / 1000;
  Ticks step = frame.pkt_duration > 0 ? to_ticks(frame.pkt_duration, time_base_) : usual_step_;
  // Containers seldom know that fields of a picture are shown again.
  const AVRational rate = context_->framerate;
  if (frame.repeat_pict > 0 && rate.num > 0 && rate.den > 0) {
    step = av_rescale(kTicksPerSecond * (2 + frame.repeat_pict) / 2, rate.den, rate.num);
  }
  step = std::clamp<Ticks>(step, 1, kLongestFrame);
  Ticks at = last_ < 0 ? 0 : end_;
  if (frame.best_effort_timestamp != AV_NOPTS_VALUE) {
    at = to_ticks(frame.best_effort_timestamp, time_base_) - zero_;
  }
  at = std::max<Ticks>(at, 0);
  // Containers that count milliseconds shake an even frame rate; it is put back on its grid.
  if (rounds_ && last_ >= 0 && std::abs(at - (last_ + usual_step_)) <= kRounding) {
    at = last_ + usual_step_;
    if (frame.repeat_pict == 0) step = usual_step_;
  }
  // Two pictures for one moment, or one that comes too late: put right behind the last one.
  if (last_ >= 0 && at <= last_) at = last_ + std::max<Ticks>(1, usual_step_ / 8);
  frame.pts = at;
  frame.pkt_duration = step;
  last_ = at;
  end_ = at + step;
}

Status VideoDecoder::finish() {
  return send(nullptr);
}

AudioDecoder::AudioDecoder(const AVStream& stream, CodecContextPtr context, Ticks zero, Sink sink)
    : context_(std::move(context)),
      time_base_(stream.time_base),
      zero_(zero),
      sink_(std::move(sink)) {}

Result<AudioDecoder> AudioDecoder::open(const AVStream& stream, Ticks zero, Sink sink) {
  auto context = open_decoder(stream, 1);
  if (!context) return std::unexpected(context.error());
  return AudioDecoder(stream, std::move(*context), zero, std::move(sink));
}

Status AudioDecoder::decode(const AVPacket& packet) {
  ++tally_.packets;
  return send(&packet);
}

Status AudioDecoder::finish() {
  return send(nullptr);
}

Status AudioDecoder::send(const AVPacket* packet) {
  int code = avcodec_send_packet(context_.get(), packet);
  if (code == AVERROR(EAGAIN)) {
    if (auto ok = receive_all(); !ok) return ok;
    code = avcodec_send_packet(context_.get(), packet);
  }
  if (code < 0 && code != AVERROR_EOF) count_failure(tally_, code);
  return receive_all();
}

Status AudioDecoder::receive_all() {
  FramePtr frame = make_frame();
  for (int errors = 0; errors < 32;) {
    const int code = avcodec_receive_frame(context_.get(), frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) {
      count_failure(tally_, code);
      ++errors;
      continue;
    }
    if (frame->nb_samples <= 0 || frame->sample_rate <= 0) continue;
    ++tally_.frames;
    Ticks at = next_;
    if (frame->best_effort_timestamp != AV_NOPTS_VALUE) {
      at = to_ticks(frame->best_effort_timestamp, time_base_) - zero_;
    }
    next_ = at + av_rescale(frame->nb_samples, kTicksPerSecond, frame->sample_rate);
    if (auto ok = sink_(*frame, at); !ok) return ok;
  }
  return {};
}

}  // namespace telecine::media
