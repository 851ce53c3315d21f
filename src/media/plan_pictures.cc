#include "media/plan_pictures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "media/fit_level.h"
#include "media/scale.h"
#include "media/tone_map.h"

namespace telecine::media {
namespace {

bool is_rgb_source(const AVStream& stream) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(stream.codecpar->format));
  return format != nullptr && (format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

/// What players take a picture of this height for when it does not say.
AVColorSpace usual_matrix(int height) {
  return height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

ColourTags colours_of(const AVStream& stream, Dimensions size) {
  const AVCodecParameters& codec = *stream.codecpar;
  ColourTags tags{codec.color_primaries, codec.color_trc, codec.color_space};
  if (is_rgb_source(stream) || tags.space == AVCOL_SPC_RGB) {
    tags.space = usual_matrix(size.height);
  } else if (tags.space == AVCOL_SPC_UNSPECIFIED || tags.space == AVCOL_SPC_RESERVED) {
    // Scaling keeps the source's matrix: where the new size would be taken for another, it is said.
    const AVColorSpace own = usual_matrix(codec.height);
    tags.space = own == usual_matrix(size.height) ? AVCOL_SPC_UNSPECIFIED : own;
  }
  return tags;
}

constexpr ColourTags kSdr{AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709};

/// Of the pictures that come to the encode.
AVRational film_rate(const SourceStreams& source, Deinterlace wanted) {
  const AVRational shown = shown_rate(*source.video);
  const bool deinterlaces =
      wanted == Deinterlace::kOn || (wanted == Deinterlace::kAuto && source.video->is_interlaced());
  return deinterlaces && source.is_telecined() ? av_mul_q(shown, {4, 5}) : shown;
}

/// 29.97 and its like are what NTSC made of 30.
AVRational exact_rate(double rate) {
  constexpr double kNear = 0.006;
  const double whole = std::round(rate * 1.001);
  const double ntsc = whole * 1000 / 1001;
  if (rate != std::round(rate) && std::abs(rate - ntsc) < kNear) {
    return {static_cast<int>(whole) * 1000, 1001};
  }
  return av_d2q(rate, 100'000);
}

void plan_rate(PlannedVideo& planned, VideoOptions& options, const SourceStreams& source) {
  if (options.frame_rate > 0) {
    planned.settings.frame_rate = exact_rate(options.frame_rate);
    return;
  }
  const double shown = av_q2d(shown_rate(*source.video));
  const AVRational rate = film_rate(source, options.deinterlace);
  planned.settings.frame_rate = rate;
  const bool thins = options.max_frame_rate > 0 &&
                     (options.max_frame_rate < shown * 0.999 || !source.video->constant_frame_rate);
  if (!thins) options.max_frame_rate = 0;
  planned.rate_limit = options.max_frame_rate;
  if (thins && options.max_frame_rate < av_q2d(rate)) {
    planned.settings.frame_rate = av_d2q(options.max_frame_rate, 100'000);
  }
}

void plan_colours(VideoSettings& settings, const AVStream& stream) {
  const VideoOptions& options = settings.options;
  const ColourTags source = settings.source_colour = source_colours(stream);
  const AVPixelFormat made = options.pixel_depth == 10 ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
  const bool converts = options.colour_space == ColourSpace::kBt709;
  const bool keeps = options.pixel_depth == 10 && options.hdr != Hdr::kSdr && !converts;
  const bool maps_tones = is_hdr(source.transfer) && !keeps;
  settings.colour = maps_tones || converts ? kSdr : colours_of(stream, settings.size);
  if (maps_tones) {
    settings.recolour = tone_map_filters(source, made);
  } else if (converts && source != kSdr && !is_rgb_source(stream)) {
    settings.recolour = matrix_filters(source, made);
  }
}

std::int64_t area(const PlannedVideo& planned) {
  const Dimensions size = planned.settings.treatment.scaled;
  return static_cast<std::int64_t>(size.width) * size.height;
}

void sort_by_size(Plan& plan) {
  std::vector<int> order(plan.video.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) {
    return area(plan.video[static_cast<std::size_t>(a)]) >
           area(plan.video[static_cast<std::size_t>(b)]);
  });
  std::vector<PlannedVideo> sorted;
  std::vector<int> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
    sorted.push_back(std::move(plan.video[static_cast<std::size_t>(order[i])]));
  }
  plan.video = std::move(sorted);
  for (auto& output : plan.outputs) {
    for (auto& rendition : output.renditions) {
      if (rendition.video) rendition.video = place[static_cast<std::size_t>(*rendition.video)];
    }
  }
}

/// Whether the pictures that go into one, before they are turned and drawn on, are those of the
/// other but for their size.
bool is_alike(const PlannedVideo& a, const PlannedVideo& b) {
  const VideoSettings& one = a.settings;
  const VideoSettings& other = b.settings;
  return a.part == b.part && a.rate_limit == b.rate_limit &&
         one.options.frame_rate == other.options.frame_rate &&
         one.options.deinterlace == other.options.deinterlace &&
         one.options.pixel_depth == other.options.pixel_depth && one.recolour == other.recolour &&
         one.treatment.window == other.treatment.window;
}

bool can_feed(const PlannedVideo& parent, const PlannedVideo& child, const VideoFacts& source) {
  const Treatment& from = parent.settings.treatment;
  const Dimensions big = from.scaled;
  const Dimensions small = child.settings.treatment.scaled;
  // A parent holds all of the child's detail.
  if (!is_alike(parent, child) || big.width < small.width || big.height < small.height ||
      big.width > source.width * from.window.width ||
      big.height > source.height * from.window.height) {
    return false;
  }
  // Its pictures are for filters, not for other encoders.
  if (entry_of(parent.settings.options.codec).filters != nullptr) return false;
  // A few pixels of rounding do not make a step small: 1280 to 854 is meant as 3 to 2.
  const bool step_is_large = big.width >= (small.width - 2) * kLeastCascadeStep &&
                             big.height >= (small.height - 2) * kLeastCascadeStep;
  return big == small || (kCascadeScaling && step_is_large);
}

}  // namespace

AVRational shown_rate(const VideoFacts& facts) {
  const Ratio& rate = facts.frame_rate;
  if (rate.num <= 0 || rate.den <= 0 || rate.value() > 1000) return {25, 1};
  return {rate.num, rate.den};
}

ColourTags source_colours(const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  ColourTags tags{codec.color_primaries, codec.color_trc, codec.color_space};
  // Of H.273: 0 is RGB or reserved, 2 not said, 3 reserved.
  const auto is_unknown = [](int tag) { return tag == 0 || tag == 2 || tag == 3; };
  const bool is_wide = is_hdr(tags.transfer) || tags.primaries == AVCOL_PRI_BT2020;
  if (is_unknown(tags.space)) {
    tags.space = is_wide ? AVCOL_SPC_BT2020_NCL : usual_matrix(codec.height);
  }
  if (is_unknown(tags.primaries)) {
    switch (tags.space) {
      case AVCOL_SPC_BT2020_NCL:
      case AVCOL_SPC_BT2020_CL:
        tags.primaries = AVCOL_PRI_BT2020;
        break;
      case AVCOL_SPC_BT470BG:
        tags.primaries = AVCOL_PRI_BT470BG;
        break;
      case AVCOL_SPC_SMPTE170M:
        tags.primaries = AVCOL_PRI_SMPTE170M;
        break;
      default:
        tags.primaries = AVCOL_PRI_BT709;
    }
  }
  switch (tags.transfer) {
    case AVCOL_TRC_GAMMA22:
    case AVCOL_TRC_GAMMA28:
    case AVCOL_TRC_LINEAR:
    case AVCOL_TRC_IEC61966_2_1:
    case AVCOL_TRC_SMPTE2084:
    case AVCOL_TRC_ARIB_STD_B67:
      break;
    default:  // the curves of BT.601, BT.709 and BT.2020 are one and the same
      tags.transfer = AVCOL_TRC_BT709;
  }
  return tags;
}

Result<PlannedVideo> plan_pictures(const VideoOptions& wanted, OutputType use,
                                   const SourceStreams& source) {
  const VideoFacts& facts = *source.video;
  PlannedVideo planned;
  VideoSettings& settings = planned.settings;
  VideoOptions options = normalised(wanted, use);
  auto treatment = treatment_of(options.size, options.framing, {facts.width, facts.height});
  if (!treatment) return std::unexpected(treatment.error());
  settings.treatment = *treatment;
  settings.size = treatment->size;
  // However a picture was asked for, equal encodes compare equal: the treatment says it all.
  options.size = {};
  options.framing = {};
  options.reuse = true;
  plan_rate(planned, options, source);
  settings.options = std::move(options);
  plan_colours(settings, *source.video_stream);
  if (auto ok = fit_level(settings); !ok) return std::unexpected(ok.error());
  return planned;
}

void arrange_pictures(Plan& plan, const VideoFacts& source) {
  sort_by_size(plan);
  for (std::size_t i = 1; i < plan.video.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (can_feed(plan.video[j], plan.video[i], source)) {
        plan.video[i].parent = static_cast<int>(j);
      }
    }
  }
}

}  // namespace telecine::media
