// What a transcode does with an output once its packets are in: finishing files, and the facts.

#include <algorithm>
#include <cmath>

#include "media/describe.h"
#include "media/probe.h"
#include "media/transcode.h"

namespace telecine::media {

void Transcode::finish_output(Work& work) {
  if (!work.fate.failed()) {
    Status ok;
    switch (work.spec->type) {
      case OutputType::kVideo:
        ok = job_.segment ? finish_segment(work) : finish_file(work);
        break;
      case OutputType::kHls:
        ok = finish_ladder(work);
        break;
      case OutputType::kCover:
      case OutputType::kSnapshots:
      case OutputType::kSprites:
        ok = finish_pictures(work);
        break;
      case OutputType::kSubtitles:
        ok = finish_subtitles(work);
        break;
      case OutputType::kDocument:
        ok = fail(ErrorCode::kUnsupported, "a document is not made from media");
        break;
    }
    if (!ok) work.fate.fail(ok.error());
  }
  work.picker.reset();
  work.finished = true;
}

Status Transcode::finish_file(Work& work) {
  const Target& target = work.targets.front();
  if (auto ok = target.muxer->finish(); !ok) return ok;
  if (target.video_copy != nullptr && !target.video_copy->copied_any()) {
    work.made.notes.emplace_back(
        "pictures are encoded: no group of pictures that can be begun with lies whole in the part");
  }
  const ContainerEntry& container = entry_of(work.spec->container);
  auto size = file_size(target.file->fd());
  if (!size) return std::unexpected(size.error());
  MediaFacts facts = facts_of(target);
  facts.container = container.extension;
  facts.size = *size;
  if (facts.duration > 0) facts.bitrate = *size * 8000 / facts.duration;
  auto seen = probe(target.file->fd());
  const auto pictures = picture_track(target);
  const bool is_complete = seen && seen->video.size() == facts.video.size() &&
                           seen->audio.size() == facts.audio.size() &&
                           (seen->video.empty() || seen->video.front().width > 0);
  // libav 5.1 writes files that it cannot read: moving WebP, H.265 in FLV.
  if (is_complete) facts = std::move(*seen);
  if (pictures && !facts.video.empty()) facts.video.front().frames = pictures->frames;
  work.made.files.push_back(
      {work.spec->name + "." + container.extension, {}, container.media_type, *size, {}});
  work.made.facts = std::move(facts);
  return {};
}

FramePicker::Take Transcode::taker(Work& work) {
  return [&work](std::size_t place, const AVFrame& frame) -> Status {
    return work.pictures->take(place, frame);
  };
}

Status Transcode::finish_pictures(Work& work) {
  if (auto ok = work.picker->finish(taker(work)); !ok) return ok;
  auto made = work.pictures->finish();
  if (!made) return std::unexpected(made.error());
  made->notes = std::move(work.made.notes);
  work.made = std::move(*made);
  return {};
}

std::optional<Transcode::Track> Transcode::picture_track(const Target& target) {
  if (const StreamCopy* copy = target.video_copy) {
    const AVStream& stream = copy->stream();
    return Track{&copy->parameters(), stream.avg_frame_rate, copy->packets(), copy->start(),
                 copy->end()};
  }
  if (target.video == nullptr) return std::nullopt;
  const PictureSource& pictures = *target.video;
  return Track{&pictures.parameters(), pictures.frame_rate(), pictures.frames(), pictures.starts(),
               pictures.ends()};
}

/// Not where only some of a source was telecined.
bool Transcode::keeps_rate(const Track& track) {
  constexpr double kSlack = 0.002;
  const double expected = ticks_to_seconds(track.end - track.start) * av_q2d(track.frame_rate);
  const auto frames = static_cast<double>(track.frames);
  return std::abs(frames - expected) <= 1 + kSlack * frames;
}

Transcode::Track Transcode::track_of(const SoundTrack& sound) {
  if (const StreamCopy* copy = sound.copy) {
    return Track{copy->stream().codecpar, {0, 1}, copy->packets(), copy->start(), copy->end()};
  }
  const AudioEncoder& encoder = sound.encode->encoder;
  return Track{&encoder.parameters(), {0, 1}, 0, encoder.start(), encoder.end()};
}

/// Of several sounds the one that plays unless a viewer chooses another.
std::size_t Transcode::main_sound(const std::vector<SoundTrack>& sounds) {
  for (std::size_t i = 0; i < sounds.size(); ++i) {
    if (sounds[i].facts->is_default) return i;
  }
  return 0;
}

std::vector<ChapterFacts> Transcode::chapters_in(const Span& span) const {
  std::vector<ChapterFacts> out;
  const Millis from = ticks_to_ms(span.start - (span.is_whole() ? 0 : origin_));
  for (ChapterFacts chapter : source_.chapters) {
    chapter.start = std::max<Millis>(0, chapter.start - from);
    chapter.end -= from;
    if (span.end != kForever)
      chapter.end = std::min(chapter.end, ticks_to_ms(span.end - span.start));
    if (chapter.end > chapter.start) out.push_back(std::move(chapter));
  }
  return out;
}

MediaFacts Transcode::facts_of(const Target& target) const {
  MediaFacts facts;
  if (const auto track = picture_track(target)) {
    VideoFacts video = describe_video(*track->codec);
    video.frames = track->frames;
    video.start = ticks_to_ms(track->start);
    const Ticks length = track->end - track->start;
    video.duration = ticks_to_ms(length);
    video.field_order = target.video != nullptr ? "progressive" : video_->field_order;
    video.constant_frame_rate = video_->constant_frame_rate && keeps_rate(*track);
    if (length > 0) {
      const AVRational rate = av_mul_q({static_cast<int>(track->frames), 1},
                                       av_d2q(1 / ticks_to_seconds(length), 1'000'000));
      video.frame_rate = video.constant_frame_rate
                             ? Ratio{track->frame_rate.num, track->frame_rate.den}
                             : Ratio{rate.num, rate.den};
    }
    if (target.video == nullptr) {
      video.rotation = video_->rotation;
      apply_display_size(video);
    }
    video.is_default = true;
    facts.video.push_back(std::move(video));
  }
  const std::size_t main = main_sound(target.sounds);
  for (std::size_t i = 0; i < target.sounds.size(); ++i) {
    const SoundTrack& sound = target.sounds[i];
    const Track track = track_of(sound);
    AudioFacts audio = describe_audio(*track.codec);
    audio.index = static_cast<int>(facts.video.size() + i);
    audio.start = ticks_to_ms(track.start);
    audio.duration = ticks_to_ms(track.end - track.start);
    audio.language = sound.facts->language;
    audio.title = sound.facts->title;
    audio.is_default = i == main;
    facts.audio.push_back(std::move(audio));
  }
  for (const auto& video : facts.video) {
    facts.duration = std::max(facts.duration, video.start + video.duration);
  }
  for (const auto& audio : facts.audio) {
    facts.duration = std::max(facts.duration, audio.start + audio.duration);
  }
  return facts;
}

std::vector<MadeOutput> Transcode::collect() {
  std::vector<MadeOutput> out;
  for (auto& work : work_) {
    if (auto error = work->fate.error()) {
      out.push_back(MadeOutput{std::move(error), {}, {}, {}});
    } else {
      out.push_back(std::move(work->made));
    }
  }
  return out;
}

}  // namespace telecine::media
