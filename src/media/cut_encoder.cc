#include "media/cut_encoder.h"

#include <algorithm>

namespace telecine::media {
namespace {

// x264 gives its picture set this number, too.
constexpr unsigned kOwnH264Sets = 31;
// The neighbours are as good as their source made them; these should not look worse.
constexpr const char* kQuality = "18";

bool is_progressive(const AVCodecParameters& codec) {
  return codec.field_order == AV_FIELD_PROGRESSIVE || codec.field_order == AV_FIELD_UNKNOWN;
}

bool takes(const AVCodec& encoder, int format) {
  for (const AVPixelFormat* each = encoder.pix_fmts; each != nullptr && *each >= 0; ++each) {
    if (*each == format) return true;
  }
  return false;
}

void configure_h264(Dictionary& options) {
  options.set("preset", std::string("veryfast"));
  options.set("crf", std::string(kQuality));
  options.set("forced-idr", 1);
  options.set("x264-params", "sps-id=" + std::to_string(kOwnH264Sets));
}

void configure_h265(Dictionary& options, int threads) {
  options.set("preset", std::string("superfast"));
  options.set("crf", std::string(kQuality));
  options.set("forced-idr", 1);
  options.set("x265-params", "log-level=none:info=0:bframes=0:open-gop=0:pools=" +
                                 std::to_string(threads) + ":frame-threads=1");
}

void take_look(AVCodecContext& context, const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  context.width = codec.width;
  context.height = codec.height;
  context.pix_fmt = static_cast<AVPixelFormat>(codec.format);
  context.sample_aspect_ratio = codec.sample_aspect_ratio;
  context.color_range = codec.color_range;
  context.color_primaries = codec.color_primaries;
  context.color_trc = codec.color_trc;
  context.colorspace = codec.color_space;
  context.chroma_sample_location = codec.chroma_location;
  context.time_base = stream.time_base;
  context.framerate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : AVRational{25, 1};
}

const AVCodec* encoder_of(const AVCodecParameters& codec) {
  const bool is_h265 = codec.codec_id == AV_CODEC_ID_HEVC;
  if (!is_h265 && codec.codec_id != AV_CODEC_ID_H264) return nullptr;
  const AVCodec* encoder = avcodec_find_encoder_by_name(is_h265 ? "libx265" : "libx264");
  return encoder != nullptr && takes(*encoder, codec.format) ? encoder : nullptr;
}

}  // namespace

bool can_cut(const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  if (encoder_of(codec) == nullptr || !is_progressive(codec)) return false;
  const auto known = parameter_sets(codec);
  if (!known) return false;
  const bool is_h265 = codec.codec_id == AV_CODEC_ID_HEVC;
  const unsigned pictures = is_h265 ? kOwnH265Pictures : kOwnH264Sets;
  return !has_sets(codec.codec_id, *known, pictures, is_h265 ? kOwnH265Sets : kOwnH264Sets);
}

Result<CutEncoder> CutEncoder::open(const AVStream& stream, int threads) {
  const AVCodec* encoder = encoder_of(*stream.codecpar);
  if (!can_cut(stream)) {
    return fail(ErrorCode::kUnsupported, "pictures like these are not made; encode the stream");
  }
  const bool is_h265 = encoder->id == AV_CODEC_ID_HEVC;
  CutEncoder made;
  made.context_.reset(avcodec_alloc_context3(encoder));
  if (!made.context_) return fail(ErrorCode::kResourceLimit, "out of memory");
  AVCodecContext& context = *made.context_;
  take_look(context, stream);
  context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
  context.max_b_frames = 0;
  context.thread_count = std::max(1, threads);
  Dictionary options;
  if (is_h265)
    configure_h265(options, context.thread_count);
  else
    configure_h264(options);
  if (const int code = avcodec_open2(&context, encoder, options.address()); code < 0) {
    return std::unexpected(
        av_error(code, "pictures of this kind cannot be encoded", ErrorCode::kUnsupported));
  }
  const BytesView sets(context.extradata, static_cast<std::size_t>(context.extradata_size));
  if (!is_h265) {
    made.sets_.assign(sets.begin(), sets.end());
    return made;
  }
  auto own = renumbered_h265(sets);
  if (!own) return std::unexpected(own.error());
  made.sets_ = std::move(*own);
  return made;
}

Result<std::vector<PacketPtr>> CutEncoder::encode(FramePtr frame) {
  frame->pict_type = AV_PICTURE_TYPE_NONE;
  if (const int code = avcodec_send_frame(context_.get(), frame.get()); code < 0) {
    return std::unexpected(av_error(code, "encoding at the cut failed", ErrorCode::kInternal));
  }
  return receive_all();
}

Result<std::vector<PacketPtr>> CutEncoder::finish() {
  if (const int code = avcodec_send_frame(context_.get(), nullptr);
      code < 0 && code != AVERROR_EOF) {
    return std::unexpected(av_error(code, "encoding at the cut failed", ErrorCode::kInternal));
  }
  return receive_all();
}

Result<std::vector<PacketPtr>> CutEncoder::receive_all() {
  std::vector<PacketPtr> out;
  while (true) {
    PacketPtr packet = make_packet();
    const int code = avcodec_receive_packet(context_.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return out;
    if (code < 0) {
      return std::unexpected(av_error(code, "encoding at the cut failed", ErrorCode::kInternal));
    }
    if (context_->codec_id == AV_CODEC_ID_HEVC) {
      auto own = renumbered_h265({packet->data, static_cast<std::size_t>(packet->size)});
      if (!own) return std::unexpected(own.error());
      PacketPtr renumbered = make_packet();
      if (av_new_packet(renumbered.get(), static_cast<int>(own->size())) < 0 ||
          av_packet_copy_props(renumbered.get(), packet.get()) < 0) {
        return fail(ErrorCode::kResourceLimit, "out of memory");
      }
      std::ranges::copy(*own, renumbered->data);
      packet = std::move(renumbered);
    }
    out.push_back(std::move(packet));
  }
}

}  // namespace telecine::media
