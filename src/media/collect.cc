// What a transcode does with an output once its packets are in: finishing files, and the facts.

#include <algorithm>

#include "media/describe.h"
#include "media/probe.h"
#include "media/transcode.h"

namespace telecine::media {

void Transcode::finish_output(Work& work) {
  if (!work.fate.failed()) {
    Status ok;
    switch (work.spec->type) {
      case OutputType::kVideo:
        ok = finish_file(work);
        break;
      case OutputType::kHls:
        ok = finish_hls(work);
        break;
      case OutputType::kCover:
      case OutputType::kSnapshots:
      case OutputType::kSprites:
        ok = finish_pictures(work);
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
  return [this, &work](std::size_t place, const AVFrame& frame) -> Status {
    return work.pictures->take(place, frame);
  };
}

Status Transcode::finish_pictures(Work& work) {
  if (auto ok = work.picker->finish(taker(work)); !ok) return ok;
  auto made = work.pictures->finish();
  if (!made) return std::unexpected(made.error());
  work.made = std::move(*made);
  return {};
}

std::optional<Transcode::Track> Transcode::picture_track(const Target& target) {
  if (const StreamCopy* copy = target.video_copy) {
    const AVStream& stream = copy->stream();
    return Track{stream.codecpar, stream.avg_frame_rate, copy->packets(), copy->start(),
                 copy->end()};
  }
  if (target.video == nullptr) return std::nullopt;
  const VideoEncoder& encoder = target.video->encoder();
  return Track{&encoder.parameters(), encoder.frame_rate(), encoder.frames(), encoder.start(),
               encoder.end()};
}

std::optional<Transcode::Track> Transcode::sound_track(const Target& target) {
  if (const StreamCopy* copy = target.sound_copy) {
    return Track{copy->stream().codecpar, {0, 1}, copy->packets(), copy->start(), copy->end()};
  }
  if (target.sound == nullptr) return std::nullopt;
  const AudioEncoder& encoder = target.sound->encoder;
  return Track{&encoder.parameters(), {0, 1}, 0, encoder.start(), encoder.end()};
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
    video.constant_frame_rate = video_->constant_frame_rate;
    if (length > 0) {
      const AVRational rate = av_mul_q({static_cast<int>(track->frames), 1},
                                       av_d2q(1 / ticks_to_seconds(length), 1'000'000));
      video.frame_rate = video_->constant_frame_rate
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
  if (const auto track = sound_track(target)) {
    AudioFacts audio = describe_audio(*track->codec);
    audio.index = static_cast<int>(facts.video.size());
    audio.start = ticks_to_ms(track->start);
    audio.duration = ticks_to_ms(track->end - track->start);
    audio.is_default = true;
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

MediaFacts Transcode::hls_facts(const Target& target) const {
  MediaFacts facts = facts_of(target);
  facts.container = "hls";
  facts.size = target.hls->bytes();
  facts.duration = static_cast<Millis>(target.hls->seconds() * 1000 + 0.5);
  facts.bitrate = target.hls->average_rate();
  return facts;
}

Status Transcode::finish_hls(Work& work) {
  std::vector<Variant> variants;
  std::vector<OutputFile> files;
  std::size_t best = 0;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < work.targets.size(); ++i) {
    const Target& target = work.targets[i];
    if (auto ok = target.muxer->finish(); !ok) return ok;
    Variant variant;
    variant.uri = work.spec->renditions[i].name + "/index.m3u8";
    variant.peak_rate = target.hls->peak_rate();
    variant.average_rate = target.hls->average_rate();
    MediaFacts facts = hls_facts(target);
    if (const auto track = picture_track(target)) {
      variant.codecs = codec_string(*track->codec);
      variant.size = {facts.video.front().width, facts.video.front().height};
      variant.frame_rate = facts.video.front().frame_rate.value();
    }
    if (const auto track = sound_track(target)) {
      if (!variant.codecs.empty()) variant.codecs += ",";
      variant.codecs += codec_string(*track->codec);
    }
    variants.push_back(std::move(variant));
    work.made.rendition_facts.push_back(std::move(facts));
    const auto area = [&](std::size_t k) {
      const Dimensions size = variants[k].size;
      return static_cast<std::int64_t>(size.width) * size.height;
    };
    if (area(i) > area(best)) best = i;
    bytes += target.hls->bytes();
    for (const auto& file : target.hls->files()) files.push_back(file);
  }
  const std::string name = work.spec->name + "/master.m3u8";
  const std::string text = master_playlist(variants, work.spec->segments);
  auto fd = files_.create(name);
  if (!fd) return std::unexpected(fd.error());
  if (auto ok = write_whole(fd->get(), text); !ok) return ok;
  files.insert(files.begin(),
               {name, {}, kPlaylistType, static_cast<std::int64_t>(text.size()), {}});
  work.made.facts = work.made.rendition_facts[best];
  work.made.facts->size = bytes + static_cast<std::int64_t>(text.size());
  work.made.files = std::move(files);
  return {};
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
