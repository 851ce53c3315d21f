#include "media/transcode.h"

#include <algorithm>

namespace telecine::media {
namespace {

Ticks start_of(const AVStream& stream) {
  return stream.start_time == AV_NOPTS_VALUE ? 0 : to_ticks(stream.start_time, stream.time_base);
}

}  // namespace

Transcode::Transcode(Input& input, const MediaFacts& source, const Job& job, OutputFiles& files,
                     Millis from)
    : input_(input), source_(source), job_(job), files_(files), from_(from) {}

Transcode::~Transcode() {
  for (auto& branch : branches_) {
    if (branch) branch->abort();
  }
  for (auto& branch : branches_) {
    if (branch) branch->join();
  }
}

void Transcode::choose_streams() {
  video_ = source_.main_video();
  if (video_ != nullptr && (video_->width <= 0 || video_->height <= 0)) video_ = nullptr;
  audio_ = source_.main_audio();
  if (audio_ != nullptr && (audio_->sample_rate <= 0 || audio_->channels <= 0)) audio_ = nullptr;
}

Status Transcode::prepare() {
  choose_streams();
  const auto stream_of = [this](const auto* facts) {
    return facts == nullptr ? nullptr : &input_.stream(facts->index);
  };
  const SourceStreams source{video_, stream_of(video_), audio_, stream_of(audio_),
                             source_.duration};
  const Plan plan = make_plan(job_.outputs, source, job_.threads);
  decodes_video_ = plan.decodes_video;
  decodes_audio_ = !plan.audio.empty();
  if (!decodes_video_ && !plan.copies_video) video_ = nullptr;
  if (!decodes_audio_ && !plan.copies_audio) audio_ = nullptr;
  set_clock();
  if (plan.copies_video) video_copy_.emplace(*source.video_stream, zero_);
  if (plan.copies_audio) audio_copy_.emplace(*source.audio_stream, zero_);
  open_encoders(plan);
  for (std::size_t i = 0; i < job_.outputs.size(); ++i) {
    auto& work = *work_.emplace_back(std::make_unique<Work>());
    work.spec = &job_.outputs[i];
    open_work(work, plan.outputs[i]);
  }
  return open_decoders();
}

void Transcode::open_work(Work& work, const PlannedOutput& planned) {
  if (planned.error) return work.fate.fail(*planned.error);
  work.until = span_of(planned.part).end;
  for (std::size_t r = 0; r < planned.renditions.size(); ++r) {
    auto ok = open_target(work, planned.renditions[r], work.spec->renditions[r].name);
    if (!ok) return work.fate.fail(ok.error());
  }
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
  for (const auto& planned : plan.video) {
    auto branch =
        VideoBranch::create(planned.settings, planned.rate_limit,
                            planned.parent ? kCascadeSharpness : kSharpness, span_of(planned.part));
    branch_errors_.push_back(branch ? std::nullopt : std::optional(branch.error()));
    branches_.push_back(branch ? std::move(*branch) : nullptr);
    if (!branches_.back()) continue;
    VideoBranch* parent =
        planned.parent ? branches_[static_cast<std::size_t>(*planned.parent)].get() : nullptr;
    if (parent != nullptr) {
      parent->add_child(*branches_.back());
    } else {
      roots_.push_back(branches_.back().get());
    }
  }
  for (const auto& planned : plan.audio) {
    auto encoder = AudioEncoder::open(planned.options, audio_->sample_rate, audio_->channels);
    sound_errors_.push_back(encoder ? std::nullopt : std::optional(encoder.error()));
    sounds_.push_back(encoder ? std::make_unique<Sound>(
                                    Sound{std::move(*encoder), span_of(planned.part), {}, false})
                              : nullptr);
  }
}

Status Transcode::open_target(Work& work, const PlannedRendition& planned,
                              const std::string& rendition) {
  Target target;
  if (planned.video) {
    const auto index = static_cast<std::size_t>(*planned.video);
    if (branch_errors_[index]) return std::unexpected(*branch_errors_[index]);
    target.video = branches_[index].get();
  }
  if (planned.audio) {
    const auto index = static_cast<std::size_t>(*planned.audio);
    if (sound_errors_[index]) return std::unexpected(*sound_errors_[index]);
    target.sound = sounds_[index].get();
  }
  if (planned.copies_video) target.video_copy = &*video_copy_;
  if (planned.copies_audio) target.sound_copy = &*audio_copy_;
  if (auto ok = open_muxer(work, target, rendition); !ok) return ok;
  if (auto ok = add_tracks(work, target); !ok) return ok;
  Muxer& muxer = *target.muxer;
  work.targets.push_back(std::move(target));
  return muxer.start();
}

Status Transcode::open_muxer(const Work& work, Target& target, const std::string& rendition) {
  const OutputSpec& spec = *work.spec;
  if (spec.type == OutputType::kHls) {
    auto muxer = std::make_unique<HlsMuxer>(files_, spec.name + "/" + rendition, spec.segment,
                                            spec.segments);
    target.hls = muxer.get();
    target.muxer = std::move(muxer);
    return {};
  }
  const std::string name = spec.name + "." + entry_of(spec.container).extension;
  auto muxer = FileMuxer::create(files_, name, spec.container);
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
    return add({*stream.codecpar, stream.time_base, stream.avg_frame_rate, &stream}, copy);
  };
  Status ok;
  if (target.video_copy != nullptr) ok = add_copy(*target.video_copy);
  if (ok && target.video != nullptr) {
    const VideoEncoder& encoder = target.video->encoder();
    ok = add({encoder.parameters(), kTicks, encoder.frame_rate()}, *target.video);
  }
  if (ok && target.sound_copy != nullptr) ok = add_copy(*target.sound_copy);
  if (ok && target.sound != nullptr) {
    const AudioEncoder& encoder = target.sound->encoder;
    ok = add({encoder.parameters(), encoder.time_base(), {0, 1}}, *target.sound);
  }
  return ok;
}

void Transcode::fail_wanting_sound(const Error& error) {
  for (auto& sound : sounds_) {
    if (sound) sound->out.fail(error);
  }
  audio_decoder_.reset();
}

// Sets what the times of the source mean, and keeps its other streams from being read.
void Transcode::set_clock() {
  AVFormatContext& format = input_.format();
  std::vector<const AVStream*> used;
  if (video_ != nullptr) used.push_back(&input_.stream(video_->index));
  if (audio_ != nullptr) used.push_back(&input_.stream(audio_->index));
  if (used.empty()) return;
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
  } else if (format.duration != AV_NOPTS_VALUE) {
    declared_ = origin_ + to_ticks(format.duration, kMicroseconds);
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

Status Transcode::open_decoders() {
  if (decodes_video_) {
    // Encoders keep the cores busy; a decoder with threads of its own only pays when they don't.
    const int threads =
        static_cast<int>(branches_.size()) >= job_.threads ? 1 : std::max(1, job_.threads);
    auto decoder = VideoDecoder::open(input_.stream(video_->index), threads, zero_,
                                      [this](FramePtr f) { return on_picture(std::move(f)); });
    if (!decoder) return std::unexpected(decoder.error());
    video_decoder_ = std::move(*decoder);
  }
  if (decodes_audio_) {
    auto decoder =
        AudioDecoder::open(input_.stream(audio_->index), zero_,
                           [this](const AVFrame& f, Ticks at) { return on_sound(f, at); });
    if (decoder) {
      audio_decoder_ = std::move(*decoder);
    } else {
      fail_wanting_sound(decoder.error());
    }
  }
  return {};
}

}  // namespace telecine::media
