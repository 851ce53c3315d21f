#include "media/reuse.h"

#include <algorithm>
#include <cmath>

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
      hides_some_ = hides_some_ || (entry->flags & AVINDEX_DISCARD_FRAME) != 0;
      is_complete_ = entry->size > 0;
      const double at = to_seconds(entry->timestamp);
      packets_.push_back({at, 8.0 * entry->size, (entry->flags & AVINDEX_KEYFRAME) != 0});
    }
  }

  bool is_complete() const { return is_complete_; }
  /// Whether an edit list leaves packets out.
  bool hides_some() const { return hides_some_; }

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
  bool hides_some_ = false;
  std::vector<Packet> packets_;
};

// An encoder meets an average about as nearly.
constexpr double kTolerance = 1.05;

bool fits_rate(const RateControl& wanted, const RateControl& meant, const PacketIndex& index) {
  if (!wanted.bitrate && !wanted.max_rate) return false;
  if (meant.bitrate && index.mean_rate() > static_cast<double>(*meant.bitrate) * kTolerance) {
    return false;
  }
  return !meant.max_rate || index.fits_buffer(static_cast<double>(*meant.max_rate),
                                              static_cast<double>(*meant.buffer));
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

bool has_format(const VideoOptions& wanted, const AVCodecParameters& codec) {
  const AVPixelFormat format = wanted.pixel_depth == 10 ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
  if (codec.codec_id != id_of(entry_of(wanted.codec).encoder) || codec.format != format)
    return false;
  return wanted.codec != VideoCodec::kH264 || rank_of(codec.profile) <= rank_of(wanted.profile);
}

bool needs_no_work(const PlannedVideo& planned, const VideoOptions& wanted,
                   const VideoFacts& facts) {
  const VideoSettings& settings = planned.settings;
  const Treatment& treatment = settings.treatment;
  const Dimensions stored{facts.coded_width, facts.coded_height};
  const bool keeps_size = treatment.window.is_whole() && !treatment.turns() && !treatment.pads() &&
                          treatment.scaled == stored && settings.size == stored &&
                          Dimensions{facts.width, facts.height} == stored;
  const bool is_upright = facts.rotation == 0 && !facts.mirrored && facts.sar.value() == 1;
  const bool is_whole = facts.field_order.empty() || facts.field_order == "progressive";
  return keeps_size && is_upright && is_whole && wanted.deinterlace != Deinterlace::kOn &&
         settings.recolour.empty() && wanted.watermarks.empty() && !wanted.subtitles;
}

bool has_frame_rate(const PlannedVideo& planned, const VideoOptions& wanted,
                    const VideoFacts& facts) {
  constexpr double kNear = 0.001;
  if (planned.rate_limit > 0) return false;
  const double exact = av_q2d(planned.settings.frame_rate);
  return wanted.frame_rate <= 0 ||
         (facts.constant_frame_rate && std::abs(facts.frame_rate.value() - exact) < kNear * exact);
}

}  // namespace

bool is_already(const PlannedVideo& planned, const VideoOptions& wanted, const VideoFacts& facts,
                const AVStream& stream) {
  if (!wanted.reuse || !wanted.scene_cuts || !has_format(wanted, *stream.codecpar) ||
      !needs_no_work(planned, wanted, facts) || !has_frame_rate(planned, wanted, facts)) {
    return false;
  }
  const PacketIndex index(stream);
  if (!index.is_complete() || index.hides_some()) return false;
  // By half a picture: times in files are rounded.
  const double slack = 0.5 / std::max(1.0, facts.frame_rate.value());
  if (wanted.gop > 0 && index.longest_gop() > to_seconds(wanted.gop) + slack) return false;
  return fits_rate(wanted.rate, planned.settings.options.rate, index);
}

bool is_already(const AudioOptions& wanted, const SourceSound& sound) {
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
  if (!index.is_complete()) return false;
  return wanted.codec == AudioCodec::kFlac ||
         index.mean_rate() <= static_cast<double>(wanted.bitrate) * kTolerance;
}

}  // namespace telecine::media
