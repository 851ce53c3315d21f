#include <algorithm>
#include <vector>

#include "media/allow.h"
#include "media/encode.h"
#include "media/lettering.h"
#include "media/pipeline.h"
#include "media/scale.h"

namespace telecine::media {
namespace {

constexpr Dimensions kSmall{64, 64};

FramePtr grey(Dimensions size, AVPixelFormat format) {
  FramePtr frame = make_frame();
  frame->format = format;
  frame->width = size.width;
  frame->height = size.height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) return nullptr;
  for (int plane = 0; plane < 3 && frame->data[plane] != nullptr; ++plane) {
    const int lines = plane == 0 ? size.height : size.height / 2;
    for (int y = 0; y < lines; ++y) {
      std::fill_n(frame->data[plane] + static_cast<std::ptrdiff_t>(y) * frame->linesize[plane],
                  plane == 0 ? size.width : size.width / 2, 128);
    }
  }
  frame->pkt_duration = kTicksPerSecond / 25;
  return frame;
}

std::vector<PacketPtr> warm_video_encoder() {
  VideoSettings settings;
  settings.options = normalised({}, OutputType::kVideo);
  settings.size = kSmall;
  std::vector<PacketPtr> out;
  auto encoder = VideoEncoder::open(settings);
  if (!encoder) return out;
  Scaler scaler(kSmall, {});
  for (int i = 0; i < 3; ++i) {
    FramePtr frame = grey({128, 128}, AV_PIX_FMT_YUV420P);
    if (!frame) return out;
    frame->pts = static_cast<Ticks>(i) * (kTicksPerSecond / 25);
    auto scaled = scaler.scale(*frame);
    if (!scaled) return out;
    if (auto packets = encoder->encode(std::move(*scaled))) {
      for (auto& packet : *packets) out.push_back(std::move(packet));
    }
  }
  if (auto packets = encoder->finish()) {
    for (auto& packet : *packets) out.push_back(std::move(packet));
  }
  // Headers are out of band; the decoder below gets them in front of the first packet.
  const AVCodecParameters& codec = encoder->parameters();
  if (!out.empty()) {
    PacketPtr first = make_packet();
    if (av_new_packet(first.get(), codec.extradata_size + out.front()->size) < 0) return {};
    std::copy_n(codec.extradata, codec.extradata_size, first->data);
    std::copy_n(out.front()->data, out.front()->size, first->data + codec.extradata_size);
    out.front() = std::move(first);
  }
  return out;
}

void warm_decoder(const std::vector<PacketPtr>& packets) {
  const AVCodec* codec = allowed_decoder(AV_CODEC_ID_H264);
  CodecContextPtr context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!context) return;
  context->thread_count = 1;
  if (avcodec_open2(context.get(), codec, nullptr) < 0) return;
  FramePtr frame = make_frame();
  for (const auto& packet : packets) avcodec_send_packet(context.get(), packet.get());
  avcodec_send_packet(context.get(), nullptr);
  while (avcodec_receive_frame(context.get(), frame.get()) >= 0) {
  }
}

void warm_sound() {
  auto encoder = AudioEncoder::open({}, 48'000, 2);
  if (!encoder) return;
  FramePtr frame = make_frame();
  frame->format = AV_SAMPLE_FMT_S16;
  frame->sample_rate = 44'100;
  frame->nb_samples = 4096;
  av_channel_layout_default(&frame->ch_layout, 2);
  if (av_frame_get_buffer(frame.get(), 0) < 0) return;
  av_samples_set_silence(frame->extended_data, 0, frame->nb_samples, 2, AV_SAMPLE_FMT_S16);
  if (encoder->encode(*frame, 0)) (void)encoder->finish();
}

void warm_picture() {
  const AVCodec* codec = avcodec_find_encoder_by_name(entry_of(ImageFormat::kJpeg).encoder);
  CodecContextPtr context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  FramePtr frame = grey(kSmall, AV_PIX_FMT_YUVJ420P);
  if (!context || !frame) return;
  context->width = kSmall.width;
  context->height = kSmall.height;
  context->pix_fmt = AV_PIX_FMT_YUVJ420P;
  context->time_base = {1, 25};
  context->thread_count = 1;
  if (avcodec_open2(context.get(), codec, nullptr) < 0) return;
  frame->pts = 0;
  PacketPtr packet = make_packet();
  if (avcodec_send_frame(context.get(), frame.get()) >= 0) {
    avcodec_receive_packet(context.get(), packet.get());
  }
}

}  // namespace

void warm_up() {
  route_av_log();
  open_fonts();
  warm_decoder(warm_video_encoder());
  warm_sound();
  warm_picture();
}

}  // namespace telecine::media
