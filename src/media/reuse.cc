#include "media/reuse.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "media/nal_units.h"

namespace telecine::media {
namespace {

/// What a stream's index tells of its packets, in decoding order.
class PacketIndex {
 public:
  explicit PacketIndex(const AVStream& stream) : stream_(stream) {
    const int count = avformat_index_get_entries_count(&stream);
    is_complete_ = count > 1 && count == stream.nb_frames;
    for (int i = 0; is_complete_ && i < count; ++i) {
      // Looked up by libavformat's own table, which its signature does not call const.
      const AVIndexEntry* entry = avformat_index_get_entry(const_cast<AVStream*>(&stream), i);
      is_complete_ = entry->size > 0;
      const double at = to_seconds(entry->timestamp);
      if ((entry->flags & AVINDEX_DISCARD_FRAME) != 0) {
        ++hidden_;
      } else if (hidden_ == i) {
        run_up_ = at - (i > 0 ? packets_.front().at : at);
        shown_from_ = i;
      }
      packets_.push_back({at, 8.0 * entry->size, (entry->flags & AVINDEX_KEYFRAME) != 0});
    }
  }

  bool is_complete() const { return is_complete_; }
  /// How much an edit list leaves out at the start, s; nothing if it leaves out more than that.
  std::optional<double> run_up() const {
    return hidden_ == shown_from_ ? std::optional(run_up_) : std::nullopt;
  }

  /// bit/s
  double mean_rate() const {
    double bits = 0;
    for (const Packet& packet : packets_) bits += packet.bits;
    return bits / std::max(length(), 1e-3);
  }

  /// Whether a decoder's buffer of that many bits, filled at a rate, never runs dry. It starts as
  /// full as x264 has it.
  bool fits_buffer(double rate, double buffer) const {
    double fill = 0.9 * buffer;
    double before = packets_.front().at;
    for (const Packet& packet : packets_) {
      fill = std::min(buffer, fill + (rate * (packet.at - before))) - packet.bits;
      before = packet.at;
      if (fill < 0) return false;
    }
    return true;
  }

  /// s
  double longest_gop() const {
    double longest = 0;
    double key = packets_.front().at;
    for (const Packet& packet : packets_) {
      longest = std::max(longest, packet.at - key);
      if (packet.is_key) key = packet.at;
    }
    return longest;
  }

 private:
  struct Packet {
    double at;  // s
    double bits;
    bool is_key;
  };

  double to_seconds(std::int64_t time) const {
    return static_cast<double>(time) * av_q2d(stream_.time_base);
  }
  double length() const { return to_seconds(std::max<std::int64_t>(0, stream_.duration)); }

  const AVStream& stream_;
  bool is_complete_ = false;
  int hidden_ = 0;
  int shown_from_ = 0;
  double run_up_ = 0;
  std::vector<Packet> packets_;
};

// An encoder meets an average about as nearly.
constexpr double kRateTolerance = 1.05;

bool fits_rate(const RateControl& wanted, const RateControl& meant, const PacketIndex& index) {
  if (!wanted.bitrate && !wanted.max_rate) return false;
  if (meant.bitrate && index.mean_rate() > static_cast<double>(*meant.bitrate) * kRateTolerance) {
    return false;
  }
  return !meant.max_rate || index.fits_buffer(static_cast<double>(*meant.max_rate),
                                              static_cast<double>(*meant.buffer));
}

/// Whether a sample description table of the boxes in a stretch of an MP4 has several entries:
/// libavformat then changes the stream's parameters on the way.
bool has_several(AVIOContext& io, std::int64_t at, std::int64_t end, int depth) {
  constexpr int kDeepest = 5;
  constexpr int kMostBoxes = 10'000;
  for (int boxes = 0; at + 16 <= end; ++boxes) {
    if (boxes == kMostBoxes || avio_seek(&io, at, SEEK_SET) < 0) return true;
    std::int64_t header = 8;
    std::int64_t length = avio_rb32(&io);
    const unsigned type = avio_rl32(&io);
    if (length == 1) {
      length = static_cast<std::int64_t>(avio_rb64(&io));
      header = 16;
    }
    if (length < header || length > end - at) return false;
    if (type == MKTAG('s', 't', 's', 'd')) {
      avio_skip(&io, 4);
      if (avio_rb32(&io) > 1) return true;
    }
    constexpr auto kHolders = std::to_array<unsigned>(
        {MKTAG('m', 'o', 'o', 'v'), MKTAG('t', 'r', 'a', 'k'), MKTAG('m', 'd', 'i', 'a'),
         MKTAG('m', 'i', 'n', 'f'), MKTAG('s', 't', 'b', 'l')});
    const bool holds = std::ranges::find(kHolders, type) != kHolders.end();
    if (holds && depth < kDeepest && has_several(io, at + header, at + length, depth + 1))
      return true;
    at += length;
  }
  return false;
}

bool describes_streams_twice(int fd, std::int64_t size) {
  ReadIo io(fd);
  return has_several(*io.get(), 0, size, 0);
}

/// H.264 profiles each hold those before them.
int rank_of(int h264_profile) {
  switch (h264_profile) {
    case FF_PROFILE_H264_CONSTRAINED_BASELINE:
      return 1;
    case FF_PROFILE_H264_MAIN:
      return 2;
    case FF_PROFILE_H264_HIGH:
      return 3;
    default:
      return 4;
  }
}

int rank_of(Profile wanted) {
  switch (wanted) {
    case Profile::kBaseline:
      return 1;
    case Profile::kMain:
      return 2;
    default:
      return 3;
  }
}

AVCodecID id_of(const char* encoder) {
  const AVCodec* codec = avcodec_find_encoder_by_name(encoder);
  return codec == nullptr ? AV_CODEC_ID_NONE : codec->id;
}

/// Whether pictures may be two interleaved halves. H.265 says so of each picture, and is taken by
/// its header's word.
bool may_interlace(const AVCodecParameters& codec) {
  if (codec.field_order != AV_FIELD_UNKNOWN && codec.field_order != AV_FIELD_PROGRESSIVE)
    return true;
  if (codec.codec_id != AV_CODEC_ID_H264) return false;
  const auto sets = parameter_sets(codec);
  if (!sets) return true;
  return std::ranges::any_of(nal_units(*sets), [&](BytesView unit) {
    return unit_type(codec.codec_id, unit) == kH264SequenceSet && may_have_fields(unit);
  });
}

/// Whether parameters may change within the stream, by what its sample entry is called.
bool may_change(const AVCodecParameters& codec) {
  return codec.codec_tag == MKTAG('a', 'v', 'c', '3') ||
         codec.codec_tag == MKTAG('h', 'e', 'v', '1');
}

bool has_format(const VideoOptions& wanted, const AVCodecParameters& codec) {
  const AVPixelFormat format = wanted.pixel_depth == 10 ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
  if (codec.codec_id != id_of(entry_of(wanted.codec).encoder) || codec.format != format)
    return false;
  return wanted.codec != VideoCodec::kH264 || rank_of(codec.profile) <= rank_of(wanted.profile);
}

bool needs_no_work(const PlannedVideo& planned, const VideoOptions& wanted, const VideoFacts& facts,
                   const AVCodecParameters& codec) {
  const VideoSettings& settings = planned.settings;
  const Treatment& treatment = settings.treatment;
  const Dimensions stored{facts.coded_width, facts.coded_height};
  const bool keeps_size = treatment.window.is_whole() && !treatment.turns() && !treatment.pads() &&
                          treatment.scaled == stored && settings.size == stored &&
                          Dimensions{facts.width, facts.height} == stored;
  const bool is_upright = facts.rotation == 0 && !facts.mirrored && facts.sar.value() == 1;
  const bool is_coloured =
      wanted.colour_space == ColourSpace::kKeep ||
      ColourTags{codec.color_primaries, codec.color_trc, codec.color_space} == settings.colour;
  const bool is_whole = wanted.deinterlace == Deinterlace::kOff ||
                        (wanted.deinterlace == Deinterlace::kAuto && !may_interlace(codec));
  return keeps_size && is_upright && is_whole && is_coloured && settings.recolour.empty() &&
         wanted.watermarks.empty() && !wanted.subtitles;
}

bool has_frame_rate(const PlannedVideo& planned, const VideoOptions& wanted,
                    const VideoFacts& facts) {
  constexpr double kNear = 0.0005;  // 29.97 is not 30
  if (planned.rate_limit > 0) return false;
  const double exact = av_q2d(planned.settings.frame_rate);
  return wanted.frame_rate <= 0 ||
         (facts.constant_frame_rate && std::abs(facts.frame_rate.value() - exact) < kNear * exact);
}

}  // namespace

bool lists_whole_packets(const Input& input) {
  const AVFormatContext& format = input.format();
  if (std::strstr(format.iformat->name, "mov") == nullptr) return false;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    AVStream& stream = *format.streams[i];
    const int count = avformat_index_get_entries_count(&stream);
    for (int k = 0; k < count; ++k) {
      const AVIndexEntry* entry = avformat_index_get_entry(&stream, k);
      if (entry->pos < 0 || entry->pos > input.size() - entry->size) return false;
    }
  }
  return !describes_streams_twice(input.fd(), input.size());
}

bool is_already(const PlannedVideo& planned, const VideoOptions& wanted, const VideoFacts& facts,
                const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  if (!wanted.reuse || !wanted.scene_cuts || !has_format(wanted, codec) || may_change(codec) ||
      !needs_no_work(planned, wanted, facts, codec) || !has_frame_rate(planned, wanted, facts)) {
    return false;
  }
  const PacketIndex index(stream);
  if (!index.is_complete() || index.run_up() != 0.0) return false;
  // By half a picture: times in files are rounded.
  const double slack = 0.5 / std::max(1.0, facts.frame_rate.value());
  if (wanted.gop > 0 && index.longest_gop() > to_seconds(wanted.gop) + slack) return false;
  return fits_rate(wanted.rate, planned.settings.options.rate, index);
}

bool is_already(const AudioOptions& wanted, const SourceSound& sound, bool may_hide) {
  const AVCodecParameters& codec = *sound.stream->codecpar;
  constexpr int kMostKept = 2;
  const int channels = codec.ch_layout.nb_channels;
  const bool is_same =
      codec.codec_id == id_of(entry_of(wanted.codec).encoder) &&
      (wanted.codec != AudioCodec::kAac || codec.profile == FF_PROFILE_AAC_LOW) &&
      (wanted.channels == 0 ? channels <= kMostKept : channels == wanted.channels) &&
      (wanted.sample_rate == 0 || codec.sample_rate == wanted.sample_rate);
  if (!wanted.reuse || !is_same || wanted.gain != 0 || wanted.loudness) return false;
  const PacketIndex index(*sound.stream);
  // What decoders want to warm up with is less.
  constexpr double kMostHidden = 0.1;  // s
  const auto hidden = index.run_up();
  if (!index.is_complete() || !hidden || *hidden > (may_hide ? kMostHidden : 0)) return false;
  return wanted.codec == AudioCodec::kFlac ||
         index.mean_rate() <= static_cast<double>(wanted.bitrate) * kRateTolerance;
}

}  // namespace telecine::media
