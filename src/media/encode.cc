#include "media/encode.h"

#include <algorithm>

#include "media/nal_units.h"

namespace telecine::media {
namespace {

Error encoder_error(int code, const char* encoder) {
  return av_error(code, std::string("encoding with ") + encoder + " failed", ErrorCode::kInternal);
}

Result<CodecContextPtr> make_context(const char* encoder) {
  const AVCodec* codec = avcodec_find_encoder_by_name(encoder);
  if (codec == nullptr) {
    return fail(ErrorCode::kUnsupported,
                std::string("this build of libav has no encoder ") + encoder);
  }
  CodecContextPtr context(avcodec_alloc_context3(codec));
  if (!context) return fail(ErrorCode::kResourceLimit, "out of memory");
  return context;
}

Result<CodecParametersPtr> parameters_of(const AVCodecContext& context) {
  CodecParametersPtr parameters(avcodec_parameters_alloc());
  if (!parameters || avcodec_parameters_from_context(parameters.get(), &context) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  return parameters;
}

/// What libavcodec's wrappers of x264 and x265 keep to themselves, out of the parameter sets.
void add_profile(AVCodecParameters& codec) {
  const auto sets = parameter_sets(codec);
  if (!sets) return;
  for (const BytesView unit : nal_units(*sets)) {
    const unsigned type = unit_type(codec.codec_id, unit);
    if (codec.codec_id == AV_CODEC_ID_H264 && type == kH264SequenceSet && unit.size() > 3) {
      constexpr unsigned kConstrained = 0x40;  // constraint_set1_flag
      const bool is_constrained = unit[1] == FF_PROFILE_H264_BASELINE && (unit[2] & kConstrained);
      codec.profile = is_constrained ? FF_PROFILE_H264_CONSTRAINED_BASELINE : unit[1];
      codec.level = unit[3];
    } else if (codec.codec_id == AV_CODEC_ID_HEVC && type == kH265SequenceSet) {
      const Bytes told = h265_profile(unit);
      if (told.empty()) continue;
      codec.profile = told.front() & 0x1f;
      codec.level = told.back();
    }
  }
}

}  // namespace

Result<VideoEncoder> VideoEncoder::open(const VideoSettings& settings) {
  const VideoCodecEntry& entry = entry_of(settings.options.codec);
  auto made = make_context(entry.encoder);
  if (!made) return std::unexpected(made.error());
  AVCodecContext& context = **made;
  context.width = settings.size.width;
  context.height = settings.size.height;
  context.pix_fmt = pixel_format(settings);
  context.sample_aspect_ratio = {1, 1};
  context.time_base = kTicks;
  context.framerate = settings.frame_rate;
  context.color_range = AVCOL_RANGE_MPEG;
  context.color_primaries = settings.colour.primaries;
  context.color_trc = settings.colour.transfer;
  context.colorspace = settings.colour.space;
  context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  context.thread_count = std::max(1, settings.threads);
  Dictionary options;
  entry.configure(settings, context, options);
  if (const int code = avcodec_open2(&context, context.codec, options.address()); code < 0) {
    return std::unexpected(av_error(
        code, std::string("the encoder ") + entry.encoder + " does not take these settings",
        ErrorCode::kInvalidParameter));
  }
  auto parameters = parameters_of(context);
  if (!parameters) return std::unexpected(parameters.error());
  if (has_units(context.codec_id)) add_profile(**parameters);
  VideoEncoder encoder;
  encoder.context_ = std::move(*made);
  encoder.parameters_ = std::move(*parameters);
  encoder.must_finish_ = entry.must_finish;
  if (!settings.options.scene_cuts) {
    encoder.gop_ = std::max<Ticks>(1, ms_to_ticks(settings.options.gop));
  }
  return encoder;
}

VideoEncoder::~VideoEncoder() {
  // Left to the end of the process, which is near when encoders are given up.
  if (context_ && must_finish_) (void)context_.release();
}

Result<std::vector<PacketPtr>> VideoEncoder::encode(FramePtr frame) {
  frame->pict_type = AV_PICTURE_TYPE_NONE;
  if (gop_ > 0 && frame->pts >= next_key_) {
    frame->pict_type = AV_PICTURE_TYPE_I;
    next_key_ = (frame->pts / gop_ + 1) * gop_;
  }
  if (frames_++ == 0) first_ = frame->pts;
  const Ticks usual = av_rescale(kTicksPerSecond, context_->framerate.den, context_->framerate.num);
  const Ticks shown = frame->pkt_duration > 0 ? frame->pkt_duration : usual;
  shown_for_[frame->pts] = shown;
  last_ = frame->pts;
  end_ = frame->pts + shown;
  if (const int code = avcodec_send_frame(context_.get(), frame.get()); code < 0) {
    return std::unexpected(encoder_error(code, context_->codec->name));
  }
  return receive_all();
}

void VideoEncoder::extend_to(Ticks end) {
  if (frames_ == 0 || end <= end_) return;
  if (const auto inside = shown_for_.find(last_); inside != shown_for_.end()) {
    inside->second = end - last_;
  }
  end_ = end;
}

Result<std::vector<PacketPtr>> VideoEncoder::finish() {
  // Not every encoder ends that never began.
  if (frames_ == 0) return std::vector<PacketPtr>{};
  if (const int code = avcodec_send_frame(context_.get(), nullptr);
      code < 0 && code != AVERROR_EOF) {
    return std::unexpected(encoder_error(code, context_->codec->name));
  }
  auto out = receive_all();
  if (out) must_finish_ = false;
  if (out && held_) {
    // A track's length is counted from its first decoding time to the end of the last packet in
    // decoding order, which is seldom the last picture: give it what makes the whole come right,
    // as far as that does not reach past the end.
    const Ticks rest = (end_ - first_) - (held_->dts - first_dts_);
    held_->duration = std::clamp<Ticks>(rest, 1, std::max<Ticks>(1, end_ - held_->pts));
    out->push_back(std::move(held_));
  }
  return out;
}

void VideoEncoder::emit(PacketPtr packet, std::vector<PacketPtr>& out) {
  // x265 3.5 never sets the delay of a stream of one or two pictures, whose times of decoding are
  // then anything. Their order is that of showing.
  constexpr Ticks kLongestDelay = 60 * kTicksPerSecond;
  const bool is_sane = packet->dts != AV_NOPTS_VALUE && packet->dts <= packet->pts &&
                       packet->pts - packet->dts < kLongestDelay;
  if (!is_sane) packet->dts = packet->pts;
  if (!any_packet_) first_dts_ = packet->dts;
  any_packet_ = true;
  if (const auto shown = shown_for_.find(packet->pts); shown != shown_for_.end()) {
    packet->duration = shown->second;
    shown_for_.erase(shown);
  }
  if (held_) out.push_back(std::move(held_));
  held_ = std::move(packet);
}

Result<std::vector<PacketPtr>> VideoEncoder::receive_all() {
  std::vector<PacketPtr> out;
  while (true) {
    PacketPtr packet = make_packet();
    const int code = avcodec_receive_packet(context_.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return out;
    if (code < 0) return std::unexpected(encoder_error(code, context_->codec->name));
    emit(std::move(packet), out);
  }
}

namespace {

// Timestamps of sound jitter by the container's rounding; beyond this they are believed.
constexpr double kTolerance = 0.06;  // s
// Silence is made for holes up to this; sound behind a longer one would be out of step.
constexpr std::int64_t kLongestSilence = 2 * 3600;  // s
constexpr int kFallbackRate = 48'000;

int supported_rate(const AVCodec& codec, int wanted) {
  if (codec.supported_samplerates == nullptr) return wanted;
  for (const int* rate = codec.supported_samplerates; *rate != 0; ++rate) {
    if (*rate == wanted) return wanted;
  }
  return kFallbackRate;
}

// RFC 7845 and FLAC fix what three and four channels are; libav's own usual ones are others.
void set_layout(AVChannelLayout& layout, AudioCodec codec, int channels) {
  const bool fixed = codec == AudioCodec::kOpus || codec == AudioCodec::kFlac;
  constexpr AVChannelLayout kThree = AV_CHANNEL_LAYOUT_SURROUND;
  constexpr AVChannelLayout kFour = AV_CHANNEL_LAYOUT_QUAD;
  if (fixed && channels == 3)
    av_channel_layout_copy(&layout, &kThree);
  else if (fixed && channels == 4)
    av_channel_layout_copy(&layout, &kFour);
  else
    av_channel_layout_default(&layout, channels);
}

}  // namespace

Result<AudioEncoder> AudioEncoder::open(const AudioOptions& options, int source_rate,
                                        int source_channels) {
  const AudioCodecEntry& entry = entry_of(options.codec);
  auto made = make_context(entry.encoder);
  if (!made) return std::unexpected(made.error());
  AVCodecContext& context = **made;
  const int channels =
      std::clamp(options.channels > 0 ? options.channels : std::min(source_channels, 2), 1,
                 entry.max_channels);
  set_layout(context.ch_layout, options.codec, channels);
  context.sample_rate =
      supported_rate(*context.codec, options.sample_rate > 0 ? options.sample_rate : source_rate);
  context.sample_fmt = context.codec->sample_fmts[0];
  // RFC 6716 has no more for a channel, and libopus refuses more.
  constexpr std::int64_t kMostOpus = 256'000;
  context.bit_rate = options.codec == AudioCodec::kOpus
                         ? std::min(options.bitrate, kMostOpus * channels)
                         : options.bitrate;
  context.time_base = {1, context.sample_rate};
  context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  context.thread_count = 1;
  if (const int code = avcodec_open2(&context, context.codec, nullptr); code < 0) {
    return std::unexpected(av_error(
        code, std::string("the encoder ") + entry.encoder + " does not take these settings",
        ErrorCode::kInvalidParameter));
  }
  auto parameters = parameters_of(context);
  if (!parameters) return std::unexpected(parameters.error());
  AudioEncoder encoder;
  encoder.fifo_.reset(av_audio_fifo_alloc(context.sample_fmt, channels, context.sample_rate));
  if (!encoder.fifo_) return fail(ErrorCode::kResourceLimit, "out of memory");
  encoder.context_ = std::move(*made);
  encoder.parameters_ = std::move(*parameters);
  return encoder;
}

Status AudioEncoder::follow(const AVFrame& frame) {
  const bool same = resampler_ && frame.sample_rate == in_rate_ && frame.format == in_format_ &&
                    in_layout_.same_as(frame.ch_layout);
  if (same) return {};
  if (resampler_) {
    if (auto ok = convert(nullptr); !ok) return ok;
  }
  ChannelLayout layout(frame.ch_layout);
  // Some containers only count the channels.
  if (layout.get().order == AV_CHANNEL_ORDER_UNSPEC) {
    layout = ChannelLayout(frame.ch_layout.nb_channels);
  }
  SwrContext* raw = nullptr;
  int code =
      swr_alloc_set_opts2(&raw, &context_->ch_layout, context_->sample_fmt, context_->sample_rate,
                          const_cast<AVChannelLayout*>(&layout.get()),
                          static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  resampler_.reset(raw);
  if (code >= 0) code = swr_init(resampler_.get());
  if (code < 0) {
    return std::unexpected(
        av_error(code, "the sound cannot be resampled", ErrorCode::kUnsupported));
  }
  in_layout_ = ChannelLayout(frame.ch_layout);
  in_rate_ = frame.sample_rate;
  in_format_ = frame.format;
  return {};
}

Result<FramePtr> AudioEncoder::blank(int samples) const {
  FramePtr frame = make_frame();
  frame->format = context_->sample_fmt;
  frame->sample_rate = context_->sample_rate;
  frame->nb_samples = samples;
  av_channel_layout_copy(&frame->ch_layout, &context_->ch_layout);
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  return frame;
}

Status AudioEncoder::add_silence(std::int64_t samples) {
  while (samples > 0) {
    const int count = static_cast<int>(std::min<std::int64_t>(samples, context_->sample_rate));
    auto frame = blank(count);
    if (!frame) return std::unexpected(frame.error());
    av_samples_set_silence((*frame)->extended_data, 0, count, context_->ch_layout.nb_channels,
                           context_->sample_fmt);
    void** data = reinterpret_cast<void**>((*frame)->extended_data);
    if (av_audio_fifo_write(fifo_.get(), data, count) < count) {
      return fail(ErrorCode::kResourceLimit, "out of memory");
    }
    taken_ += count;
    samples -= count;
    if (auto ok = drain(false); !ok) return ok;
  }
  return {};
}

// Null empties the resampler.
Status AudioEncoder::convert(const AVFrame* frame) {
  const int in = frame == nullptr ? 0 : frame->nb_samples;
  const int room = swr_get_out_samples(resampler_.get(), in);
  if (room <= 0) return {};
  auto out = blank(room);
  if (!out) return std::unexpected(out.error());
  const auto** data =
      frame == nullptr ? nullptr : const_cast<const std::uint8_t**>(frame->extended_data);
  const int made = swr_convert(resampler_.get(), (*out)->extended_data, room, data, in);
  if (made < 0) {
    return std::unexpected(av_error(made, "the sound cannot be resampled", ErrorCode::kInternal));
  }
  void** samples = reinterpret_cast<void**>((*out)->extended_data);
  if (av_audio_fifo_write(fifo_.get(), samples, made) < made) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  taken_ += made;
  return {};
}

Result<std::vector<PacketPtr>> AudioEncoder::encode(const AVFrame& frame, Ticks at) {
  if (auto ok = follow(frame); !ok) return std::unexpected(ok.error());
  const int rate = context_->sample_rate;
  const std::int64_t start = av_rescale_q(at, kTicks, time_base());
  if (!started_) {
    started_ = true;
    first_ = std::max<std::int64_t>(0, start);
  }
  const std::int64_t expected = first_ + taken_ + swr_get_delay(resampler_.get(), rate);
  const std::int64_t gap = start - expected;
  const auto tolerance = static_cast<std::int64_t>(kTolerance * rate);
  bool skip = false;
  if (gap > kLongestSilence * rate || gap < -kLongestSilence * rate) {
    return fail(ErrorCode::kUnsupported, "the source's sound leaps by " +
                                             std::to_string(gap / rate) +
                                             " s, which is more than can be filled with silence");
  } else if (gap > tolerance) {
    if (auto ok = add_silence(gap); !ok) return std::unexpected(ok.error());
  } else if (gap < -tolerance) {
    const std::int64_t length = av_rescale(frame.nb_samples, rate, frame.sample_rate);
    skip = -gap >= length;
    if (!skip) swr_drop_output(resampler_.get(), static_cast<int>(-gap));
  }
  if (!skip) {
    if (auto ok = convert(&frame); !ok) return std::unexpected(ok.error());
    if (auto ok = drain(false); !ok) return std::unexpected(ok.error());
  }
  return std::exchange(ready_, {});
}

// Gives the encoder full frames, and the rest as well when `all`.
Status AudioEncoder::drain(bool all) {
  const int full = context_->frame_size > 0 ? context_->frame_size : 1024;
  while (true) {
    const int count = std::min(av_audio_fifo_size(fifo_.get()), full);
    if (count == 0 || (count < full && !all)) return {};
    auto frame = blank(count);
    if (!frame) return std::unexpected(frame.error());
    void** data = reinterpret_cast<void**>((*frame)->extended_data);
    av_audio_fifo_read(fifo_.get(), data, count);
    (*frame)->pts = first_ + sent_;
    sent_ += count;
    if (auto ok = send(frame->get()); !ok) return ok;
  }
}

Status AudioEncoder::send(const AVFrame* frame) {
  if (const int code = avcodec_send_frame(context_.get(), frame); code < 0 && code != AVERROR_EOF) {
    return std::unexpected(encoder_error(code, context_->codec->name));
  }
  while (true) {
    PacketPtr packet = make_packet();
    const int code = avcodec_receive_packet(context_.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) return std::unexpected(encoder_error(code, context_->codec->name));
    ready_.push_back(std::move(packet));
  }
}

Result<std::vector<PacketPtr>> AudioEncoder::finish() {
  if (resampler_) {
    if (auto ok = convert(nullptr); !ok) return std::unexpected(ok.error());
  }
  if (auto ok = drain(true); !ok) return std::unexpected(ok.error());
  if (auto ok = send(nullptr); !ok) return std::unexpected(ok.error());
  return std::exchange(ready_, {});
}

}  // namespace telecine::media
