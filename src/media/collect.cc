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
        ok = finish_stills(work);
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
  auto facts = probe(target.file->fd());
  if (!facts) {
    return fail(ErrorCode::kInternal, "the output cannot be read back: " + facts.error().message);
  }
  if (target.video != nullptr && !facts->video.empty()) {
    facts->video.front().frames = target.video->encoder().frames();
  }
  const ContainerEntry& container = entry_of(work.spec->container);
  work.made.files.push_back(
      {work.spec->name + "." + container.extension, {}, container.media_type, facts->size, {}});
  work.made.facts = std::move(*facts);
  return {};
}

FramePicker::Take Transcode::taker(Work& work) {
  return [this, &work](std::size_t place, const AVFrame& frame) -> Status {
    auto made = write_still(frame, work.spec->still, {video_->width, video_->height}, files_,
                            still_name(*work.spec, place));
    if (!made) return std::unexpected(made.error());
    work.stills[place] = std::move(*made);
    return {};
  };
}

Status Transcode::finish_stills(Work& work) {
  if (auto ok = work.picker->finish(taker(work)); !ok) return ok;
  for (StillMade& still : work.stills) work.made.files.push_back(std::move(still.file));
  work.made.facts = std::move(work.stills.front().facts);
  return {};
}

MediaFacts Transcode::facts_of(const Target& target) const {
  MediaFacts facts;
  facts.container = "hls";
  facts.size = target.hls->bytes();
  facts.duration = static_cast<Millis>(target.hls->seconds() * 1000 + 0.5);
  facts.bitrate = target.hls->average_rate();
  if (target.video != nullptr) {
    const VideoEncoder& encoder = target.video->encoder();
    VideoFacts video = describe_video(encoder.parameters());
    video.frames = encoder.frames();
    video.start = ticks_to_ms(encoder.start());
    const Ticks length = encoder.end() - encoder.start();
    video.duration = ticks_to_ms(length);
    video.field_order = "progressive";
    video.constant_frame_rate = video_->constant_frame_rate;
    if (length > 0) {
      const AVRational rate = av_mul_q({static_cast<int>(encoder.frames()), 1},
                                       av_d2q(1 / ticks_to_seconds(length), 1'000'000));
      video.frame_rate = video_->constant_frame_rate
                             ? Ratio{encoder.frame_rate().num, encoder.frame_rate().den}
                             : Ratio{rate.num, rate.den};
    }
    video.is_default = true;
    facts.video.push_back(std::move(video));
  }
  if (target.sound != nullptr) {
    const AudioEncoder& encoder = target.sound->encoder;
    AudioFacts audio = describe_audio(encoder.parameters());
    audio.index = target.video != nullptr ? 1 : 0;
    audio.start = ticks_to_ms(encoder.start());
    audio.duration = ticks_to_ms(encoder.end() - encoder.start());
    audio.is_default = true;
    facts.audio.push_back(std::move(audio));
  }
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
    if (target.video != nullptr) {
      variant.codecs = codec_string(target.video->encoder().parameters());
      variant.size = target.video->settings().size;
    }
    if (target.sound != nullptr) {
      if (!variant.codecs.empty()) variant.codecs += ",";
      variant.codecs += codec_string(target.sound->encoder.parameters());
    }
    MediaFacts facts = facts_of(target);
    if (!facts.video.empty()) variant.frame_rate = facts.video.front().frame_rate.value();
    variants.push_back(std::move(variant));
    work.made.rendition_facts.push_back(std::move(facts));
    const auto area = [&](std::size_t k) {
      const VideoBranch* video = work.targets[k].video;
      return video == nullptr ? 0LL
                              : 1LL * video->settings().size.width * video->settings().size.height;
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
