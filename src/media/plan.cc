#include "media/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "media/copy.h"
#include "media/hls.h"
#include "media/picture_set.h"
#include "media/scale.h"

namespace telecine::media {
namespace {

bool is_rgb_source(const AVStream& stream) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(stream.codecpar->format));
  return format != nullptr && (format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

ColourTags colours_of(const AVStream& stream, Dimensions size) {
  const AVCodecParameters& codec = *stream.codecpar;
  ColourTags tags{codec.color_primaries, codec.color_trc, codec.color_space};
  if (is_rgb_source(stream) || tags.space == AVCOL_SPC_RGB) {
    tags.space = size.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }
  return tags;
}

AVRational source_rate(const VideoFacts& facts) {
  const Ratio& rate = facts.frame_rate;
  if (rate.num <= 0 || rate.den <= 0 || rate.value() > 1000) return {25, 1};
  return {rate.num, rate.den};
}

PlannedVideo planned_video(const VideoOptions& wanted, OutputType use, const VideoFacts& facts,
                           const AVStream& stream) {
  PlannedVideo planned;
  VideoOptions options = normalised(wanted, use);
  const Dimensions size = fit(options.size, {facts.width, facts.height});
  // However a size was named, equal encodes compare equal.
  options.size = {.width = size.width, .height = size.height, .fit = Fit::kStretch};
  const AVRational rate = source_rate(facts);
  const bool thins = options.max_frame_rate > 0 &&
                     (options.max_frame_rate < av_q2d(rate) * 0.999 || !facts.constant_frame_rate);
  if (!thins) options.max_frame_rate = 0;
  planned.rate_limit = options.max_frame_rate;
  planned.settings.options = options;
  planned.settings.size = size;
  planned.settings.frame_rate = rate;
  if (thins && options.max_frame_rate < av_q2d(rate)) {
    planned.settings.frame_rate = av_d2q(options.max_frame_rate, 100'000);
  }
  planned.settings.colour = colours_of(stream, size);
  return planned;
}

const char* muxer_of(const OutputSpec& spec) {
  return spec.type == OutputType::kHls ? segment_muxer(spec.segments)
                                       : entry_of(spec.container).muxer;
}

template <typename T, typename Same>
int index_of(std::vector<T>& list, T item, Same same) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (same(list[i], item)) return static_cast<int>(i);
  }
  list.push_back(std::move(item));
  return static_cast<int>(list.size()) - 1;
}

AudioOptions audio_options(const OutputSpec& spec, const AudioOptions& wanted) {
  AudioOptions options = normalised(wanted);
  // MP3 in FLV has this rate, its half or its quarter.
  const bool is_flv = spec.type == OutputType::kVideo && spec.container == Container::kFlv;
  if (is_flv && options.codec == AudioCodec::kMp3 && options.sample_rate == 0) {
    options.sample_rate = 44'100;
  }
  return options;
}

Status plan_video(Plan& plan, PlannedRendition& made, const OutputSpec& spec, const Part& part,
                  const VideoOptions& options, const SourceStreams& source) {
  if (options.codec == VideoCodec::kCopy) {
    if (auto why = cannot_copy(*source.video_stream, muxer_of(spec))) {
      return std::unexpected(std::move(*why));
    }
    made.copies_video = plan.copies_video = true;
    return {};
  }
  PlannedVideo wanted = planned_video(options, spec.type, *source.video, *source.video_stream);
  const Dimensions size = wanted.settings.size;
  constexpr int kLeastAv1 = 64;  // SVT-AV1's
  if (options.codec == VideoCodec::kAv1 && std::min(size.width, size.height) < kLeastAv1) {
    return fail(ErrorCode::kUnsupported,
                "av1 is made from 64 pixels a side on, and this would be " +
                    std::to_string(size.width) + "x" + std::to_string(size.height));
  }
  wanted.part = part;
  made.video =
      index_of(plan.video, std::move(wanted), [](const PlannedVideo& a, const PlannedVideo& b) {
        return a.settings.options == b.settings.options && a.part == b.part;
      });
  return {};
}

Status plan_audio(Plan& plan, PlannedRendition& made, const OutputSpec& spec, const Part& part,
                  const AudioOptions& options, const SourceStreams& source) {
  if (options.codec == AudioCodec::kCopy) {
    if (auto why = cannot_copy(*source.audio_stream, muxer_of(spec))) {
      return std::unexpected(std::move(*why));
    }
    made.copies_audio = plan.copies_audio = true;
    return {};
  }
  made.audio =
      index_of(plan.audio, PlannedSound{audio_options(spec, options), part}, std::equal_to<>());
  return {};
}

Status plan_rendition(Plan& plan, PlannedOutput& planned, const OutputSpec& spec,
                      const Rendition& rendition, const SourceStreams& source) {
  PlannedRendition& made = planned.renditions.emplace_back();
  const bool has_video = rendition.video && source.video != nullptr;
  const bool has_audio = rendition.audio && source.audio != nullptr;
  if (!has_video && !has_audio) {
    return fail(ErrorCode::kUnsupported,
                rendition.video ? "the source has no picture" : "the source has no sound");
  }
  if (has_video) {
    auto ok = plan_video(plan, made, spec, planned.part, *rendition.video, source);
    if (!ok) return ok;
  }
  if (has_audio) return plan_audio(plan, made, spec, planned.part, *rendition.audio, source);
  return {};
}

Status plan_output(Plan& plan, PlannedOutput& planned, const OutputSpec& spec,
                   const SourceStreams& source) {
  if (takes_pictures(spec)) {
    if (source.video == nullptr) {
      return fail(ErrorCode::kUnsupported, "the source has no picture to take a still from");
    }
    plan.decodes_video = true;
    return {};
  }
  if (spec.renditions.empty())
    return fail(ErrorCode::kUnsupported, "the output names no rendition");
  const auto part = part_of(spec, source.duration);
  if (!part) return std::unexpected(part.error());
  planned.part = *part;
  for (const Rendition& rendition : spec.renditions) {
    if (auto ok = plan_rendition(plan, planned, spec, rendition, source); !ok) return ok;
  }
  return {};
}

std::int64_t area(const PlannedVideo& planned) {
  return static_cast<std::int64_t>(planned.settings.size.width) * planned.settings.size.height;
}

// Larger pictures first.
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

// A parent is the smallest picture that holds all of the child's detail.
void find_parents(Plan& plan, const VideoFacts& source) {
  for (std::size_t i = 1; i < plan.video.size(); ++i) {
    const PlannedVideo& child = plan.video[i];
    for (std::size_t j = 0; j < i; ++j) {
      const PlannedVideo& parent = plan.video[j];
      const Dimensions big = parent.settings.size;
      const Dimensions small = child.settings.size;
      if (parent.part != child.part || parent.rate_limit != child.rate_limit ||
          big.width < small.width || big.height < small.height || big.width > source.width ||
          big.height > source.height) {
        continue;
      }
      const bool step_is_large = big.width >= (small.width - 2) * kLeastCascadeStep &&
                                 big.height >= (small.height - 2) * kLeastCascadeStep;
      // Its pictures are for filters, not for other encoders.
      if (entry_of(parent.settings.options.codec).filters != nullptr) continue;
      // A few pixels of rounding do not make a step small: 1280 to 854 is meant as 3 to 2.
      if (big != small && !(kCascadeScaling && step_is_large)) continue;
      plan.video[i].parent = static_cast<int>(j);
    }
  }
}

}  // namespace

Plan make_plan(const std::vector<OutputSpec>& outputs, const SourceStreams& source, int threads) {
  Plan plan;
  for (const auto& spec : outputs) {
    PlannedOutput planned;
    if (auto ok = plan_output(plan, planned, spec, source); !ok) planned.error = ok.error();
    plan.outputs.push_back(std::move(planned));
  }
  sort_by_size(plan);
  if (source.video != nullptr) find_parents(plan, *source.video);
  plan.decodes_video = plan.decodes_video || !plan.video.empty();
  const int branches = std::max<int>(1, static_cast<int>(plan.video.size()));
  for (auto& planned : plan.video) planned.settings.threads = std::max(1, threads / branches);
  return plan;
}

}  // namespace telecine::media
