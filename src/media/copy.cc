#include "media/copy.h"

#include <algorithm>
#include <array>

#include "media/adts.h"
#include "media/describe.h"
#include "media/nal_units.h"

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

bool writes_edit_lists(const OutputSpec& spec) {
  const bool is_mp4 = spec.container == Container::kMp4 || spec.container == Container::kM4a;
  return spec.type == OutputType::kVideo && is_mp4 && !spec.fragmented;
}

StreamCopy::StreamCopy(const AVStream& stream, Ticks zero)
    : stream_(stream),
      zero_(av_rescale_q(zero, kTicks, stream.time_base)),
      length_size_(has_units(stream.codecpar->codec_id) ? length_size(*stream.codecpar) : 0) {
  if (!is_adts(*stream.codecpar)) return;
  if (auto bare = without_adts(*stream.codecpar)) bare_ = std::move(*bare);
}

/// Fragmented MP4 as libavformat 5.1 writes it does not take the headers off by itself.
bool StreamCopy::strip(AVPacket& packet) const {
  if (!bare_) return true;
  const auto header = adts_header({packet.data, static_cast<std::size_t>(packet.size)});
  const BytesView config{bare_->extradata, static_cast<std::size_t>(bare_->extradata_size)};
  if (!header || !std::ranges::equal(header->config, config)) return false;
  packet.data += header->size;
  packet.size -= static_cast<int>(header->size);
  return true;
}

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
  ++tally_.packets;
  if (lengths_add_up({packet.data, static_cast<std::size_t>(packet.size)}, length_size_))
    ++tally_.frames;
  else
    ++tally_.failures;
  PacketPtr own = share(packet);
  if (!strip(*own)) {
    return fail({ErrorCode::kUnsupported,
                 "the source's sound changes on the way or cannot be copied; encode the stream",
                 {}});
  }
  if (!time(*own)) {
    return fail({ErrorCode::kUnsupported,
                 "the source does not say when its pictures are shown; encode the stream",
                 {}});
  }
  const std::int64_t length = own->duration > 0 ? own->duration : std::max<std::int64_t>(0, step_);
  send(std::move(own), length);
  progress_ = end_;
}

void StreamCopy::send(PacketPtr packet, std::int64_t length) {
  const Ticks shown = to_ticks(packet->pts, stream_.time_base);
  if (packets_++ == 0) start_ = std::max<Ticks>(0, shown);
  end_ = std::max(end_, to_ticks(packet->pts + length, stream_.time_base));
  std::vector<PacketPtr> one;
  one.push_back(std::move(packet));
  out_.send(one);
}

void StreamCopy::finish() {
  if (!wanted()) return;
  if (packets_ == 0) {
    return fail({ErrorCode::kDecodeFailed, "the stream to copy has nothing, or no keyframe", {}});
  }
  out_.end();
}

namespace {

// Codecs whose frames overlap need one or two before the first that is heard; Opus asks for 80 ms.
constexpr Ticks kRunUp = kTicksPerSecond / 10;

// H.264 and H.265 reorder pictures over 16 others at the most.
constexpr std::size_t kMostBehind = 32;

}  // namespace

KeyframeClip::KeyframeClip(const AVStream& stream, Ticks zero, Span span)
    : StreamCopy(stream, zero + span.start), file_zero_(zero), span_(span) {}

void KeyframeClip::take(const AVPacket& packet) {
  if (is_done()) return;
  const std::int64_t time = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (time == AV_NOPTS_VALUE) return StreamCopy::take(packet);
  const AVRational base = stream().time_base;
  const Ticks at = to_ticks(time, base) - file_zero_;
  const Ticks length = to_ticks(std::max<std::int64_t>(1, packet.duration), base);
  if (!begun_) {
    begun_ = (packet.flags & AV_PKT_FLAG_KEY) != 0 && !is_before(span_, at, length);
    if (!begun_) return;
  } else if (is_before(span_, at, length)) {
    return;  // refers to what is before the keyframe
  }
  const std::int64_t decoded = packet.dts != AV_NOPTS_VALUE ? packet.dts : time;
  over_ = to_ticks(decoded, base) - file_zero_ >= span_.end;
  if (over_) return;
  if (at >= span_.end) {
    behind_.push_back(share(packet));
    over_ = behind_.size() > kMostBehind;
    return;
  }
  for (const auto& each : behind_) StreamCopy::take(*each);
  behind_.clear();
  StreamCopy::take(packet);
  show_progress(at);
}

SoundClip::SoundClip(const AVStream& stream, Ticks zero, Span span, bool runs_up)
    : StreamCopy(stream, zero + span.start),
      file_zero_(zero),
      span_(span),
      run_up_(runs_up ? kRunUp : 0) {}

void SoundClip::take(const AVPacket& packet) {
  const std::int64_t time = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (time == AV_NOPTS_VALUE || is_done()) return;
  const Ticks at = to_ticks(time, stream().time_base) - file_zero_;
  show_progress(at);
  over_ = at >= span_.end;
  if (over_ || at < span_.start - run_up_) return;
  StreamCopy::take(packet);
  show_progress(at);
}

}  // namespace telecine::media
