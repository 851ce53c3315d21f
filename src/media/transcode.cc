#include "media/transcode.h"

#include <algorithm>

#include "media/tone_map.h"

namespace telecine::media {
namespace {

Ticks start_of(const AVStream& stream) {
  return stream.start_time == AV_NOPTS_VALUE ? 0 : to_ticks(stream.start_time, stream.time_base);
}

}  // namespace

Transcode::Transcode(Input& input, const MediaFacts& source, const Job& job, OutputFiles& files,
                     Millis from)
    : input_(input),
      source_(source),
      job_(job),
      files_(files),
      images_(files),
      texts_(input, source),
      reuse_(input, job),
      from_(from),
      clocks_(input.format(), job.segment ? job.segment->way : std::vector<Waypoint>()) {}

Transcode::~Transcode() {
  for (auto& branch : branches_) {
    if (branch) branch->abort();
  }
  for (auto& branch : branches_) {
    if (branch) branch->join();
  }
}

SourceStreams Transcode::choose_streams() {
  if (job_.found) telecined_ = job_.found->telecined;
  video_ = source_.main_video();
  if (video_ != nullptr && (video_->width <= 0 || video_->height <= 0)) video_ = nullptr;
  SourceStreams streams{video_, nullptr, {}, source_.duration};
  if (video_ != nullptr) {
    streams.video_stream = &input_.stream(video_->index);
    streams.is_telecined = [this, stream = video_->index] {
      if (!telecined_) telecined_ = is_telecined(input_, stream);
      return *telecined_;
    };
  }
  for (const AudioFacts& audio : source_.audio) {
    if (audio.sample_rate <= 0 || audio.channels <= 0) continue;
    streams.sounds.push_back({&audio, &input_.stream(audio.index)});
  }
  return streams;
}

std::pair<SourceStreams, Plan> Transcode::make_plan() {
  SourceStreams source = choose_streams();
  Plan plan = media::make_plan(job_.outputs, source, job_.threads, reuse_);
  decodes_video_ = plan.decodes_video;
  if (!decodes_video_ && !plan.copies_video) video_ = nullptr;
  for (std::size_t i = 0; i < source.sounds.size(); ++i) {
    const bool is_used = plan.decodes_audio[i] || plan.copies_audio[i];
    heard_.push_back(is_used ? std::make_unique<Heard>(source.sounds[i]) : nullptr);
  }
  set_clock();
  return {std::move(source), std::move(plan)};
}

Status Transcode::prepare() {
  auto [source, plan] = make_plan();
  if (job_.segment) {
    reduce_to_segment(plan);
    if (auto ok = go_to_segment(); !ok) return ok;
  }
  if (plan.copies_video) video_copy_.emplace(*source.video_stream, zero_);
  for (std::size_t i = 0; i < heard_.size(); ++i) {
    if (plan.copies_audio[i]) heard_[i]->copy.emplace(*source.sounds[i].stream, zero_);
  }
  open_encoders(plan);
  for (std::size_t i = 0; i < specs().size(); ++i) {
    auto& work = *work_.emplace_back(std::make_unique<Work>());
    work.spec = &specs()[i];
    open_work(work, plan.outputs[i]);
  }
  if (decodes_video_) {
    if (auto ok = open_video_decoder(); !ok) return ok;
  }
  for (std::size_t i = 0; i < heard_.size(); ++i) {
    if (plan.decodes_audio[i]) open_sound_decoder(i);
  }
  return {};
}

void Transcode::open_work(Work& work, const PlannedOutput& planned) {
  if (planned.error) return work.fate.fail(*planned.error);
  work.span = span_of(planned.part);
  work.made.notes = planned.notes;
  work.until = job_.segment ? std::min(work.span.end, segment_reach()) : work.span.end;
  const bool writes_texts =
      work.spec->type == OutputType::kHls || work.spec->type == OutputType::kSubtitles;
  if (writes_texts) texts_.add_written(*work.spec, work.span, work.made.notes);
  if (work.spec->encryption) work.key = key_for(*work.spec->encryption);
  if (auto ok = open_targets(work, planned); !ok) return work.fate.fail(ok.error());
  if (!takes_pictures(*work.spec)) return;
  auto pictures =
      PictureSet::plan(*work.spec, {video_->width, video_->height}, source_.duration, files_);
  if (!pictures) return work.fate.fail(pictures.error());
  std::vector<Ticks> places;
  for (const Millis moment : pictures->moments()) places.push_back(ms_to_ticks(moment) + origin_);
  work.picker.emplace(places);
  work.pictures = std::move(*pictures);
}

void Transcode::open_encoders(const Plan& plan) {
  if (!job_.segments.empty())
    open_segments(plan);
  else
    open_branches(plan);
  open_sounds(plan);
}

Status Transcode::open_targets(Work& work, const PlannedOutput& planned) {
  for (std::size_t r = 0; r < planned.renditions.size(); ++r) {
    const PlannedRendition& rendition = planned.renditions[r];
    work.groups.push_back(rendition.group);
    const bool is_sound_apart =
        !rendition.video && !rendition.copies_video && rendition.sounds.empty();
    if (is_sound_apart) continue;
    if (auto ok = open_target(work, rendition, work.spec->renditions[r].name); !ok) return ok;
    work.targets.back().rendition = r;
  }
  int number = 0;
  for (std::size_t g = 0; g < planned.groups.size(); ++g) {
    for (const PlannedTrack& track : planned.groups[g]) {
      PlannedRendition alone;
      alone.sounds = {track};
      auto ok = open_target(work, alone, "audio/" + std::to_string(++number));
      if (!ok) return ok;
      work.targets.back().group = g;
    }
  }
  return {};
}

Result<Transcode::SoundTrack> Transcode::sound_track(const Work& work,
                                                     const PlannedTrack& planned) {
  Heard& heard = *heard_[planned.source];
  SoundTrack track;
  track.facts = heard.source.facts;
  if (!planned.encode) {
    track.copy = sound_copy(work, heard);
    return track;
  }
  const auto index = static_cast<std::size_t>(*planned.encode);
  if (sound_errors_[index]) return std::unexpected(*sound_errors_[index]);
  track.encode = sounds_[index].get();
  return track;
}

Status Transcode::open_target(Work& work, const PlannedRendition& planned,
                              const std::string& folder) {
  Target target;
  target.folder = folder;
  if (planned.video) {
    const auto index = static_cast<std::size_t>(*planned.video);
    if (branch_errors_[index]) return std::unexpected(*branch_errors_[index]);
    target.video = pictures_of(index);
  }
  for (const PlannedTrack& sound : planned.sounds) {
    auto track = sound_track(work, sound);
    if (!track) return std::unexpected(track.error());
    target.sounds.push_back(*track);
  }
  if (planned.copies_video) {
    auto copy = picture_copy(work);
    if (!copy) return std::unexpected(copy.error());
    target.video_copy = *copy;
  }
  if (auto ok = open_muxer(work, target); !ok) return ok;
  if (auto ok = add_tracks(work, target); !ok) return ok;
  Muxer& muxer = *target.muxer;
  work.targets.push_back(std::move(target));
  return muxer.start();
}

Status Transcode::open_muxer(const Work& work, Target& target) {
  const OutputSpec& spec = *work.spec;
  if (job_.segment) {
    auto writer = SegmentWriter::create(files_, spec.name);
    if (!writer) return std::unexpected(writer.error());
    target.segment = writer->get();
    target.muxer = std::move(*writer);
    return {};
  }
  if (spec.type == OutputType::kHls) {
    auto muxer = std::make_unique<HlsMuxer>(files_, spec.name + "/" + target.folder, spec,
                                            segment_key(spec, work.key, target.folder));
    target.hls = muxer.get();
    target.muxer = std::move(muxer);
    return {};
  }
  const std::string name = spec.name + "." + entry_of(spec.container).extension;
  auto muxer = FileMuxer::create(files_, name, spec.container,
                                 spec.fragmented ? Layout::kFragmented : Layout::kWhole);
  if (!muxer) return std::unexpected(muxer.error());
  target.file = muxer->get();
  target.muxer = std::move(*muxer);
  return {};
}

Status Transcode::add_tracks(Work& work, Target& target) {
  Muxer& muxer = *target.muxer;
  const auto add = [&](const TrackFormat& format, auto& from) -> Status {
    auto track = muxer.add_track(format);
    if (!track) return std::unexpected(track.error());
    from.add_consumer({&muxer, *track, &work.fate});
    return {};
  };
  const auto add_copy = [&](StreamCopy& copy) {
    const AVStream& stream = copy.stream();
    return add({copy.parameters(), stream.time_base, stream.avg_frame_rate, &stream}, copy);
  };
  Status ok;
  if (target.video_copy != nullptr) ok = add_copy(*target.video_copy);
  if (ok && target.video != nullptr) {
    const PictureSource& pictures = *target.video;
    const bool shines = is_hdr(pictures.parameters().color_trc);
    ok = add({pictures.parameters(), kTicks, pictures.frame_rate(), nullptr, nullptr,
              shines ? &light() : nullptr},
             *target.video);
  }
  for (const SoundTrack& sound : target.sounds) {
    if (!ok) break;
    if (sound.copy != nullptr) {
      ok = add_copy(*sound.copy);
      continue;
    }
    const AudioEncoder& encoder = sound.encode->encoder;
    const AVStream& source = input_.stream(sound.facts->index);
    ok = add({encoder.parameters(), encoder.time_base(), {0, 1}, nullptr, &source}, *sound.encode);
  }
  if (ok && target.file != nullptr) {
    texts_.add_to_file(*work.spec, muxer, work.fate, work.span, work.made.notes);
    target.file->set_chapters(chapters_in(work.span));
  }
  return ok;
}

// Sets what the times of the source mean, and keeps its other streams from being read.
void Transcode::set_clock() {
  AVFormatContext& format = input_.format();
  std::vector<const AVStream*> used;
  if (video_ != nullptr) used.push_back(&input_.stream(video_->index));
  for (const auto& heard : heard_) {
    if (heard) used.push_back(heard->source.stream);
  }
  if (used.empty()) {  // subtitles at the most, which count from the start of the file
    if (format.start_time != AV_NOPTS_VALUE) zero_ = to_ticks(format.start_time, kMicroseconds);
    for (unsigned i = 0; i < format.nb_streams; ++i) format.streams[i]->discard = AVDISCARD_ALL;
    return;
  }
  zero_ = start_of(**std::ranges::min_element(used, {}, [](auto* s) { return start_of(*s); }));
  const Ticks file_start =
      format.start_time == AV_NOPTS_VALUE ? zero_ : to_ticks(format.start_time, kMicroseconds);
  origin_ = file_start - zero_;

  const bool all_know_their_end = std::ranges::all_of(
      used, [](const AVStream* s) { return s->duration != AV_NOPTS_VALUE && s->duration > 0; });
  if (all_know_their_end) {
    for (unsigned i = 0; i < format.nb_streams; ++i) {
      const bool is_used = std::ranges::find(used, format.streams[i]) != used.end();
      if (!is_used) format.streams[i]->discard = AVDISCARD_ALL;
    }
    for (const auto* s : used) {
      declared_ = std::max(declared_, start_of(*s) - zero_ + to_ticks(s->duration, s->time_base));
    }
  } else if (length_of(format) != AV_NOPTS_VALUE) {
    declared_ = origin_ + to_ticks(length_of(format), kMicroseconds);
  }
  if (format.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) declared_ = 0;
  if (video_ != nullptr && format.iformat->name == std::string_view("avi")) {
    // The demuxer shortens the duration to what is there; the header's count of frames stays.
    const AVStream& stream = input_.stream(video_->index);
    if (stream.avg_frame_rate.num > 0) {
      declared_ = std::max(declared_, to_ticks(stream.nb_frames, av_inv_q(stream.avg_frame_rate)));
    }
  }
}

Span Transcode::span_of(const Part& part) const {
  if (part.is_whole()) return {};
  Span span;
  span.start = std::max<Ticks>(0, ms_to_ticks(part.start) + origin_);
  if (part.end > 0) span.end = std::max(span.start + 1, ms_to_ticks(part.end) + origin_);
  return span;
}

// Without it only those fail who want this sound.
void Transcode::open_sound_decoder(std::size_t place) {
  Heard& heard = *heard_[place];
  auto decoder = AudioDecoder::open(
      *heard.source.stream, zero_,
      [this, place](const AVFrame& f, Ticks at) { return on_sound(place, f, at); });
  if (decoder) {
    heard.decoder = std::move(*decoder);
    return;
  }
  for (auto& sound : sounds_) {
    if (sound && sound->source == place) sound->out.fail(decoder.error());
  }
}

}  // namespace telecine::media
