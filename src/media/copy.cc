#include "media/copy.h"

#include <algorithm>
#include <array>

#include "media/describe.h"

namespace telecine::media {
namespace {

struct Known {
  std::string_view muxer;
  AVCodecID codec;
  bool fits;
};
// Where libavformat's muxers have no list of what they can hold, or one that is wrong.
constexpr auto kKnown = std::to_array<Known>({
    {"mpegts", AV_CODEC_ID_H264, true},
    {"mpegts", AV_CODEC_ID_HEVC, true},
    {"mpegts", AV_CODEC_ID_MPEG2VIDEO, true},
    {"mpegts", AV_CODEC_ID_MPEG1VIDEO, true},
    {"mpegts", AV_CODEC_ID_MPEG4, true},
    {"mpegts", AV_CODEC_ID_AAC, true},
    {"mpegts", AV_CODEC_ID_MP3, true},
    {"mpegts", AV_CODEC_ID_MP2, true},
    {"mpegts", AV_CODEC_ID_AC3, true},
    {"mpegts", AV_CODEC_ID_EAC3, true},
    {"mpegts", AV_CODEC_ID_OPUS, true},
    {"mp3", AV_CODEC_ID_MP3, true},
    {"ogg", AV_CODEC_ID_OPUS, true},
    {"ogg", AV_CODEC_ID_FLAC, true},
    {"ogg", AV_CODEC_ID_VORBIS, true},
    {"flv", AV_CODEC_ID_HEVC, true},  // see hevc_in_flv.h
    {"flv", AV_CODEC_ID_MPEG4, false},
    {"mp4", AV_CODEC_ID_TRUEHD, false},
});

bool holds(const AVOutputFormat& format, AVCodecID codec) {
  const std::string_view muxer = format.name;
  const auto known = std::ranges::find_if(
      kKnown, [&](const Known& row) { return row.muxer == muxer && row.codec == codec; });
  if (known != kKnown.end()) return known->fits;
  return avformat_query_codec(&format, codec, FF_COMPLIANCE_NORMAL) == 1;
}

}  // namespace

std::optional<Error> cannot_copy(const AVStream& stream, const char* muxer) {
  const AVOutputFormat* format = av_guess_format(muxer, nullptr, nullptr);
  const AVCodecID codec = stream.codecpar->codec_id;
  if (format != nullptr && codec != AV_CODEC_ID_NONE && holds(*format, codec)) return std::nullopt;
  return Error{ErrorCode::kUnsupported,
               std::string(muxer) + " cannot hold " + avcodec_get_name(codec) +
                   "; encode the stream, or choose another container",
               {}};
}

StreamCopy::StreamCopy(const AVStream& stream, Ticks zero)
    : stream_(stream), zero_(av_rescale_q(zero, kTicks, stream.time_base)) {}

// Muxers want a decoding time on every packet, each later than the last.
bool StreamCopy::time(AVPacket& packet) {
  const bool may_reorder = stream_.codecpar->video_delay > 0;
  if (packet.pts == AV_NOPTS_VALUE && may_reorder) return false;
  if (packet.pts != AV_NOPTS_VALUE) packet.pts -= zero_;
  if (packet.dts != AV_NOPTS_VALUE) packet.dts -= zero_;
  if (packet.dts == AV_NOPTS_VALUE) {
    const std::int64_t next = last_dts_ ? *last_dts_ + std::max<std::int64_t>(1, step_) : 0;
    packet.dts = packet.pts != AV_NOPTS_VALUE && !may_reorder ? packet.pts : next;
  }
  if (packet.pts == AV_NOPTS_VALUE) packet.pts = packet.dts;
  if (last_dts_ && packet.dts <= *last_dts_) packet.dts = *last_dts_ + 1;
  packet.pts = std::max(packet.pts, packet.dts);
  if (last_dts_) step_ = packet.dts - *last_dts_;
  last_dts_ = packet.dts;
  return true;
}

void StreamCopy::take(const AVPacket& packet) {
  if (!wanted()) return;
  const bool is_picture = stream_.codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
  if (is_picture && packets_ == 0 && (packet.flags & AV_PKT_FLAG_KEY) == 0) return;
  PacketPtr own = share(packet);
  if (!time(*own)) {
    return fail({ErrorCode::kUnsupported,
                 "the source does not say when its pictures are shown; encode the stream",
                 {}});
  }
  const Ticks shown = to_ticks(own->pts, stream_.time_base);
  if (packets_++ == 0) start_ = std::max<Ticks>(0, shown);
  const std::int64_t length = own->duration > 0 ? own->duration : std::max<std::int64_t>(0, step_);
  end_ = std::max(end_, to_ticks(own->pts + length, stream_.time_base));
  progress_ = end_;
  std::vector<PacketPtr> one;
  one.push_back(std::move(own));
  out_.send(std::move(one));
}

void StreamCopy::finish() {
  if (!wanted()) return;
  if (packets_ == 0) {
    return fail({ErrorCode::kDecodeFailed, "the stream to copy has nothing, or no keyframe", {}});
  }
  out_.end();
}

}  // namespace telecine::media
