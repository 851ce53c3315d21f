#include "media/plan.h"

#include <algorithm>

#include "media/copy.h"
#include "media/cut_encoder.h"
#include "media/hls.h"
#include "media/picture_set.h"
#include "media/plan_pictures.h"
#include "media/reuse.h"
#include "task/carrier.h"
#include "task/packaging.h"

namespace telecine::media {
namespace {

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

/// What the planning of all outputs shares.
struct Planning {
  Plan plan;
  const SourceStreams& source;
  Reuse& reuse;
};

/// Whether a stream could go into the output as it is; see reuse.h.
bool may_reuse(const OutputSpec& spec, const Part& part, const AVStream& stream) {
  return part.is_whole() && !cannot_copy(stream, muxer_of(spec));
}

void add_note(PlannedOutput& planned, std::string text) {
  const bool is_new = std::ranges::find(planned.notes, text) == planned.notes.end();
  if (is_new) planned.notes.push_back(std::move(text));
}

Status plan_encode(Planning& all, PlannedOutput& planned, const OutputSpec& spec,
                   const VideoOptions& options) {
  auto& [plan, source, reuse] = all;
  PlannedRendition& made = planned.renditions.back();
  auto pictures = plan_pictures(options, spec.type, source);
  if (!pictures) return std::unexpected(pictures.error());
  PlannedVideo wanted = std::move(*pictures);
  const std::size_t rendition = planned.renditions.size() - 1;
  if (may_reuse(spec, planned.part, *source.video_stream) &&
      reuse.takes_pictures(spec, rendition, wanted, options, source)) {
    made.copies_video = plan.copies_video = true;
    add_note(planned, "pictures are copied: the source's already are what is asked for");
    return {};
  }
  const Dimensions size = wanted.settings.size;
  constexpr int kLeastAv1 = 64;  // SVT-AV1's
  if (options.codec == VideoCodec::kAv1 && std::min(size.width, size.height) < kLeastAv1) {
    return fail(ErrorCode::kUnsupported,
                "av1 is made from 64 pixels a side on, and this would be " +
                    std::to_string(size.width) + "x" + std::to_string(size.height));
  }
  wanted.part = planned.part;
  made.video =
      index_of(plan.video, std::move(wanted), [](const PlannedVideo& a, const PlannedVideo& b) {
        return a.settings.options == b.settings.options &&
               a.settings.treatment == b.settings.treatment && a.part == b.part;
      });
  return {};
}

/// Of pictures that are copied: what their container tells players of them and another cannot.
void note_lost_turn(PlannedOutput& planned, const OutputSpec& spec, const VideoFacts& facts) {
  const std::string_view muxer = muxer_of(spec);
  const bool says_it = muxer == "mp4" || muxer == "ipod";
  if (says_it || (facts.rotation == 0 && !facts.mirrored)) return;
  add_note(planned, "the pictures show as they are stored: " + std::string(muxer) +
                        " cannot say that they are to be turned or mirrored");
}

/// How long an edit list hides the start of a stream, s.
double hidden_start(const AVStream& stream) {
  const int count = avformat_index_get_entries_count(&stream);
  // Looked up by libavformat's own table, which its signature does not call const.
  auto* table = const_cast<AVStream*>(&stream);
  for (int i = 0; i < count; ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(table, i);
    if ((entry->flags & AVINDEX_DISCARD_FRAME) != 0) continue;
    const std::int64_t first = avformat_index_get_entry(table, 0)->timestamp;
    return static_cast<double>(entry->timestamp - first) * av_q2d(stream.time_base);
  }
  return 0;
}

void note_shown_start(PlannedOutput& planned, const OutputSpec& spec, const AVStream& stream) {
  constexpr double kWarmUp = 0.1;  // s; what encoders of sound hide
  if (writes_edit_lists(spec) || !planned.part.is_whole() || hidden_start(stream) <= kWarmUp)
    return;
  add_note(planned,
           "what the source's edit list hides at the start is copied too: only plain mp4 "
           "and m4a can hide it");
}

Status plan_video(Planning& all, PlannedOutput& planned, const OutputSpec& spec,
                  const VideoOptions& options) {
  if (options.codec != VideoCodec::kCopy) return plan_encode(all, planned, spec, options);
  auto& [plan, source, reuse] = all;
  if (auto why = cannot_copy(*source.video_stream, muxer_of(spec))) {
    return std::unexpected(std::move(*why));
  }
  const bool is_cut = !planned.part.is_whole() && spec.cut == Cut::kExact;
  if (!is_cut || can_cut(*source.video_stream)) {
    note_lost_turn(planned, spec, *source.video);
    note_shown_start(planned, spec, *source.video_stream);
    planned.renditions.back().copies_video = plan.copies_video = true;
    return {};
  }
  add_note(planned, std::string("pictures are encoded: a part of ") +
                        avcodec_get_name(source.video_stream->codecpar->codec_id) +
                        " cannot be copied to the picture");
  VideoOptions instead;
  instead.codec = carrier_of(spec).video.front();
  return plan_encode(all, planned, spec, instead);
}

Status plan_track(Planning& all, PlannedOutput& planned, const OutputSpec& spec,
                  const AudioOptions& options, std::size_t place) {
  auto& [plan, source, reuse] = all;
  const SourceSound& sound = source.sounds[place];
  PlannedTrack& track = planned.renditions.back().sounds.emplace_back(place, std::nullopt);
  if (options.codec == AudioCodec::kCopy) {
    if (auto why = cannot_copy(*sound.stream, muxer_of(spec))) {
      return std::unexpected(std::move(*why));
    }
    note_shown_start(planned, spec, *sound.stream);
    plan.copies_audio[place] = true;
    return {};
  }
  AudioOptions own = audio_options(spec, options);
  own.tracks = {};  // said by `source`
  const std::size_t rendition = planned.renditions.size() - 1;
  if (may_reuse(spec, planned.part, *sound.stream) &&
      reuse.takes_sound(spec, rendition, place, own, source)) {
    plan.copies_audio[place] = true;
    add_note(planned, "sound is copied: the source's already is what is asked for");
    return {};
  }
  own.reuse = true;  // equal encodes compare equal
  track.encode = index_of(plan.audio, PlannedSound{own, place, planned.part}, std::equal_to<>());
  plan.decodes_audio[place] = true;
  return {};
}

Status plan_audio(Planning& all, PlannedOutput& planned, const OutputSpec& spec,
                  const AudioOptions& options) {
  std::vector<TrackTraits> traits;
  for (const auto& sound : all.source.sounds) {
    traits.push_back({sound.facts->language, sound.facts->is_default});
  }
  auto places = chosen(options.tracks, traits, "sound");
  if (!places) return std::unexpected(places.error());
  for (const std::size_t place : *places) {
    auto ok = plan_track(all, planned, spec, options, place);
    if (!ok) return ok;
  }
  return {};
}

/// Renditions with the same sound share it.
void set_sound_apart(PlannedOutput& planned) {
  for (PlannedRendition& rendition : planned.renditions) {
    if (rendition.sounds.empty()) continue;
    rendition.group = static_cast<std::size_t>(
        index_of(planned.groups, std::move(rendition.sounds), std::equal_to<>()));
    rendition.sounds.clear();
  }
}

Status plan_rendition(Planning& all, PlannedOutput& planned, const OutputSpec& spec,
                      const Rendition& rendition) {
  const SourceStreams& source = all.source;
  planned.renditions.emplace_back();
  const bool has_video = rendition.video && source.video != nullptr;
  const bool has_audio = rendition.audio && !source.sounds.empty();
  if (!has_video && !has_audio) {
    return fail(ErrorCode::kUnsupported,
                rendition.video ? "the source has no picture" : "the source has no sound");
  }
  if (has_video) {
    auto ok = plan_video(all, planned, spec, *rendition.video);
    if (!ok) return ok;
  }
  if (has_audio) return plan_audio(all, planned, spec, *rendition.audio);
  return {};
}

Status plan_output(Planning& all, PlannedOutput& planned, const OutputSpec& spec) {
  const SourceStreams& source = all.source;
  if (takes_pictures(spec)) {
    if (source.video == nullptr) {
      return fail(ErrorCode::kUnsupported, "the source has no picture to take a still from");
    }
    all.plan.decodes_video = true;
    return {};
  }
  if (spec.type == OutputType::kSubtitles) {
    const auto whole = part_of(spec, source.duration);
    if (!whole) return std::unexpected(whole.error());
    planned.part = *whole;
    return {};
  }
  if (spec.renditions.empty())
    return fail(ErrorCode::kUnsupported, "the output names no rendition");
  const auto part = part_of(spec, source.duration);
  if (!part) return std::unexpected(part.error());
  planned.part = *part;
  for (const Rendition& rendition : spec.renditions) {
    if (auto ok = plan_rendition(all, planned, spec, rendition); !ok) return ok;
  }
  if (spec.type == OutputType::kHls && has_sound_apart(spec)) set_sound_apart(planned);
  return {};
}

}  // namespace

Plan make_plan(const std::vector<OutputSpec>& outputs, const SourceStreams& source, int threads,
               Reuse& reuse) {
  Planning all{{}, source, reuse};
  Plan& plan = all.plan;
  plan.decodes_audio.resize(source.sounds.size());
  plan.copies_audio.resize(source.sounds.size());
  for (const auto& spec : outputs) {
    PlannedOutput planned;
    if (auto ok = plan_output(all, planned, spec); !ok) planned.error = ok.error();
    plan.outputs.push_back(std::move(planned));
  }
  if (source.video != nullptr) arrange_pictures(plan, *source.video);
  plan.decodes_video = plan.decodes_video || !plan.video.empty();
  const int branches = std::max<int>(1, static_cast<int>(plan.video.size()));
  for (auto& planned : plan.video) planned.settings.threads = std::max(1, threads / branches);
  return std::move(plan);
}

}  // namespace telecine::media
