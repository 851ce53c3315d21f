#include "media/reuse.h"

#include <algorithm>
#include <cmath>

#include "media/allow.h"
#include "media/copy.h"
#include "media/nal_units.h"

namespace telecine::media {
namespace {

// An encoder meets an average about as nearly.
constexpr double kRateTolerance = 1.05;

bool fits_rate(const RateControl& meant, const PacketList& list) {
  if (meant.bitrate && list.mean_rate() > static_cast<double>(*meant.bitrate) * kRateTolerance) {
    return false;
  }
  return !meant.max_rate ||
         list.fits_buffer(static_cast<double>(*meant.max_rate), static_cast<double>(*meant.buffer));
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

/// Whether decoders of a level's main tier take an H.265 stream. Its tables do not say so of
/// others.
bool is_main_tier(const AVCodecParameters& codec) {
  constexpr unsigned kHighTier = 0x20;  // general_tier_flag
  const auto sets = parameter_sets(codec);
  if (!sets) return false;
  return std::ranges::none_of(nal_units(*sets), [&](BytesView unit) {
    if (unit_type(codec.codec_id, unit) != kH265SequenceSet) return false;
    const Bytes told = h265_profile(unit);
    return told.empty() || (told.front() & kHighTier) != 0;
  });
}

bool fits_level(const VideoOptions& wanted, const AVCodecParameters& codec) {
  if (wanted.level == 0) return true;
  constexpr int kSteps = 3;  // H.265 counts its levels in thirtieths
  const bool is_h265 = wanted.codec == VideoCodec::kH265;
  const int level = is_h265 ? codec.level / kSteps : codec.level;
  return level > 0 && level <= wanted.level && (!is_h265 || is_main_tier(codec));
}

bool has_format(const VideoOptions& wanted, const AVCodecParameters& codec) {
  const AVPixelFormat format = wanted.pixel_depth == 10 ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
  if (codec.codec_id != id_of(entry_of(wanted.codec).encoder) || codec.format != format)
    return false;
  if (codec.color_range == AVCOL_RANGE_JPEG || !fits_level(wanted, codec)) return false;
  // Of 10 bit, H.264 has one profile that is made.
  if (wanted.codec != VideoCodec::kH264) return true;
  if (wanted.pixel_depth == 10) return codec.profile == FF_PROFILE_H264_HIGH_10;
  return rank_of(codec.profile) <= rank_of(wanted.profile);
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

double starts_at(const AVStream& stream) {
  if (stream.start_time == AV_NOPTS_VALUE) return 0;
  return static_cast<double>(stream.start_time) * av_q2d(stream.time_base);
}

/// Whether pictures can go into segments of a ladder beside others that are encoded. An output's
/// clock begins with the first stream in it, so that may be any that is earlier than the pictures.
bool fits_segments(const PacketList& list, double length, const SourceStreams& source) {
  const double first = starts_at(*source.video_stream);
  if (!list.has_keys_every(length, first)) return false;
  return std::ranges::all_of(source.sounds, [&](const SourceSound& sound) {
    const double start = starts_at(*sound.stream);
    return start >= first || list.has_keys_every(length, start);
  });
}

}  // namespace

Reuse::Reuse(const Input& input, const Job& job) : job_(job), packets_(input) {}

bool Reuse::takes_pictures(const OutputSpec& spec, std::size_t rendition,
                           const PlannedVideo& planned, const VideoOptions& wanted,
                           const SourceStreams& source) {
  const Reused one{spec.name, static_cast<int>(rendition), Reused::kPictures};
  return note(one, job_.found ? is_known(one) : is_already(spec, planned, wanted, source));
}

bool Reuse::takes_sound(const OutputSpec& spec, std::size_t rendition, std::size_t place,
                        const AudioOptions& wanted, const SourceStreams& source) {
  const Reused one{spec.name, static_cast<int>(rendition), static_cast<int>(place)};
  return note(one, job_.found ? is_known(one) : is_already(spec, wanted, source.sounds[place]));
}

bool Reuse::is_known(const Reused& one) const {
  const auto& known = job_.found->reused;
  return std::ranges::find(known, one) != known.end();
}

bool Reuse::note(Reused one, bool taken) {
  if (taken) taken_.push_back(std::move(one));
  return taken;
}

bool Reuse::is_already(const OutputSpec& spec, const PlannedVideo& planned,
                       const VideoOptions& wanted, const SourceStreams& source) {
  const VideoFacts& facts = *source.video;
  const AVStream& stream = *source.video_stream;
  const bool is_ladder = spec.type == OutputType::kHls;
  const bool names_rate = wanted.rate.bitrate || wanted.rate.max_rate;
  const bool takes_any_keys = is_ladder || wanted.scene_cuts;
  if (job_.accept_damaged || !wanted.reuse || !takes_any_keys || !names_rate ||
      !has_format(wanted, *stream.codecpar) || has_opacity_beside(stream) ||
      !needs_no_work(planned, wanted, facts, *stream.codecpar) ||
      !has_frame_rate(planned, wanted, facts)) {
    return false;
  }
  const PacketList* list = packets_.of(stream);
  if (list == nullptr || list->run_up != 0.0) return false;
  if (is_ladder && !fits_segments(*list, to_seconds(spec.segment), source)) return false;
  // By half a picture: times in files are rounded.
  const double slack = 0.5 / std::max(1.0, facts.frame_rate.value());
  if (wanted.gop > 0 && list->longest_gop() > to_seconds(wanted.gop) + slack) return false;
  return fits_rate(planned.settings.options.rate, *list);
}

bool Reuse::is_already(const OutputSpec& spec, const AudioOptions& wanted,
                       const SourceSound& sound) {
  const AVCodecParameters& codec = *sound.stream->codecpar;
  constexpr int kMostKept = 2;
  const int channels = codec.ch_layout.nb_channels;
  const bool is_same =
      codec.codec_id == id_of(entry_of(wanted.codec).encoder) &&
      (wanted.codec != AudioCodec::kAac || codec.profile == FF_PROFILE_AAC_LOW) &&
      (wanted.channels == 0 ? channels <= kMostKept : channels == wanted.channels) &&
      (wanted.sample_rate == 0 || codec.sample_rate == wanted.sample_rate);
  const bool changes_nothing = wanted.gain == 0 && !wanted.loudness;
  if (job_.accept_damaged || !wanted.reuse || !is_same || !changes_nothing) return false;
  const PacketList* list = packets_.of(*sound.stream);
  // What decoders want to warm up with is less.
  constexpr double kMostHidden = 0.1;  // s
  if (list == nullptr || list->run_up > (writes_edit_lists(spec) ? kMostHidden : 0)) return false;
  return wanted.codec == AudioCodec::kFlac ||
         list->mean_rate() <= static_cast<double>(wanted.bitrate) * kRateTolerance;
}

}  // namespace telecine::media
