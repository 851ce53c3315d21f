#include "media/transcode.h"

#include <algorithm>
#include <cstdio>

#include "media/probe.h"

namespace telecine::media {
namespace {

// How much of a source may be missing at its end before it counts as broken.
constexpr Ticks kMissingEnd = kTicksPerSecond;
constexpr double kMissingShare = 0.05;
// Damaged packets are passed over as players do, until they are this share of all.
constexpr double kDamagedShare = 0.25;
constexpr std::int64_t kDamagedLeast = 10;

std::string seconds_text(Ticks at) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", ticks_to_seconds(std::max<Ticks>(0, at)));
  return text;
}

Error decode_failed(Ticks at, const std::string& why) {
  return {ErrorCode::kDecodeFailed, "decoding failed at " + seconds_text(at) + ": " + why, {}};
}

// A broadcast clock that leaps further than this was set anew; the show goes on without a hole.
constexpr Ticks kClockLeap = 10LL * kTicksPerSecond;

Ticks start_of(const AVStream& stream) {
  return stream.start_time == AV_NOPTS_VALUE ? 0 : to_ticks(stream.start_time, stream.time_base);
}

}  // namespace

Transcode::Transcode(Input& input, const MediaFacts& source, const Job& job, OutputFiles& files)
    : input_(input), source_(source), job_(job), files_(files) {}

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
  const AVStream* stream = video_ == nullptr ? nullptr : &input_.stream(video_->index);
  const Plan plan = make_plan(job_.outputs, video_, stream, audio_, job_.threads);
  const bool has_cover = std::ranges::any_of(
      job_.outputs, [](const OutputSpec& spec) { return spec.type == OutputType::kCover; });
  if (plan.video.empty() && !has_cover) video_ = nullptr;
  if (plan.audio.empty()) audio_ = nullptr;
  for (const auto& spec : job_.outputs) {
    auto& work = *work_.emplace_back(std::make_unique<Work>());
    work.spec = &spec;
  }
  open_encoders(plan);
  for (std::size_t i = 0; i < work_.size(); ++i) {
    Work& work = *work_[i];
    const PlannedOutput& planned = plan.outputs[i];
    if (planned.error) {
      work.fate.fail(*planned.error);
      continue;
    }
    for (std::size_t r = 0; r < planned.renditions.size(); ++r) {
      auto ok = open_target(work, planned.renditions[r], work.spec->renditions[r].name);
      if (ok) continue;
      work.fate.fail(ok.error());
      break;
    }
  }
  return open_decoders();
}

void Transcode::open_encoders(const Plan& plan) {
  for (const auto& planned : plan.video) {
    auto branch = VideoBranch::create(planned.settings, planned.rate_limit,
                                      planned.parent ? kCascadeSharpness : kSharpness);
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
  for (const auto& options : plan.audio) {
    auto encoder = AudioEncoder::open(options, audio_->sample_rate, audio_->channels);
    sound_errors_.push_back(encoder ? std::nullopt : std::optional(encoder.error()));
    sounds_.push_back(encoder ? std::make_unique<Sound>(Sound{std::move(*encoder), {}, false})
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
  const OutputSpec& spec = *work.spec;
  if (spec.type == OutputType::kVideo) {
    const std::string name = spec.name + "." + entry_of(spec.container).extension;
    auto muxer = FileMuxer::create(files_, name, spec.container);
    if (!muxer) return std::unexpected(muxer.error());
    target.file = muxer->get();
    target.muxer = std::move(*muxer);
  } else {
    auto muxer = std::make_unique<HlsMuxer>(files_, spec.name + "/" + rendition, spec.segment);
    target.hls = muxer.get();
    target.muxer = std::move(muxer);
  }
  Muxer& muxer = *target.muxer;
  if (target.video != nullptr) {
    const VideoEncoder& encoder = target.video->encoder();
    auto track = muxer.add_track({encoder.parameters(), kTicks, encoder.frame_rate()});
    if (!track) return std::unexpected(track.error());
    target.video->add_consumer({&muxer, *track, &work.fate});
  }
  if (target.sound != nullptr) {
    const AudioEncoder& encoder = target.sound->encoder;
    auto track = muxer.add_track({encoder.parameters(), encoder.time_base(), {0, 1}});
    if (!track) return std::unexpected(track.error());
    target.sound->out.add({&muxer, *track, &work.fate});
  }
  work.targets.push_back(std::move(target));
  return muxer.start();
}

void Transcode::fail_wanting_sound(const Error& error) {
  for (auto& sound : sounds_) {
    if (sound) sound->out.fail(error);
  }
  audio_decoder_.reset();
}

Status Transcode::open_decoders() {
  AVFormatContext& format = input_.format();
  std::vector<const AVStream*> used;
  if (video_ != nullptr) used.push_back(&input_.stream(video_->index));
  if (audio_ != nullptr) used.push_back(&input_.stream(audio_->index));
  if (used.empty()) return {};
  zero_ = start_of(**std::ranges::min_element(used, {}, [](auto* s) { return start_of(*s); }));

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
    const Ticks start =
        format.start_time == AV_NOPTS_VALUE ? zero_ : to_ticks(format.start_time, kMicroseconds);
    declared_ = start - zero_ + to_ticks(format.duration, kMicroseconds);
  }
  if (format.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) declared_ = 0;
  if (video_ != nullptr && format.iformat->name == std::string_view("avi")) {
    // The demuxer shortens the duration to what is there; the header's count of frames stays.
    const AVStream& stream = input_.stream(video_->index);
    if (stream.avg_frame_rate.num > 0) {
      declared_ = std::max(declared_, to_ticks(stream.nb_frames, av_inv_q(stream.avg_frame_rate)));
    }
  }

  if (video_ != nullptr) {
    // Encoders keep the cores busy; a decoder with threads of its own only pays when they don't.
    const int threads =
        static_cast<int>(branches_.size()) >= job_.threads ? 1 : std::max(1, job_.threads);
    auto decoder = VideoDecoder::open(input_.stream(video_->index), threads, zero_,
                                      [this](FramePtr f) { return on_picture(std::move(f)); });
    if (!decoder) return std::unexpected(decoder.error());
    video_decoder_ = std::move(*decoder);
  }
  if (audio_ != nullptr) {
    auto decoder =
        AudioDecoder::open(input_.stream(audio_->index), zero_,
                           [this](const AVFrame& f, Ticks at) { return on_sound(f, at); });
    if (decoder) {
      audio_decoder_ = std::move(*decoder);
    } else {
      fail_wanting_sound(decoder.error());
    }
  }
  for (auto& work : work_) {
    if (work->spec->type != OutputType::kCover || work->fate.failed()) continue;
    const Ticks start =
        format.start_time == AV_NOPTS_VALUE ? zero_ : to_ticks(format.start_time, kMicroseconds);
    const Millis moment = moment_of(work->spec->still.at, source_.duration);
    work->picker.emplace(ms_to_ticks(moment) + start - zero_);
  }
  return {};
}

Status Transcode::on_picture(FramePtr frame) {
  for (auto& work : work_) {
    if (!work->picker || work->picker->settled()) continue;
    work->picker->offer(*frame);
    if (work->picker->settled()) finish_output(*work);
  }
  for (VideoBranch* root : roots_) root->push(share(*frame));
  return {};
}

Status Transcode::on_sound(const AVFrame& frame, Ticks at) {
  for (auto& sound : sounds_) {
    if (!sound || sound->broken || !sound->out.wanted()) continue;
    if (auto packets = sound->encoder.encode(frame, at)) {
      sound->out.send(std::move(*packets));
    } else {
      sound->broken = true;
      sound->out.fail(packets.error());
    }
  }
  sound_progress_ = at;
  return {};
}

void Transcode::finish_sound() {
  for (auto& sound : sounds_) {
    if (!sound || sound->broken || !sound->out.wanted()) continue;
    if (auto packets = sound->encoder.finish()) {
      sound->out.send(std::move(*packets));
      sound->out.end();
    } else {
      sound->out.fail(packets.error());
    }
  }
}

// Only in formats whose clocks may leap (MPEG-TS, MPEG-PS): elsewhere a hole is a hole.
void Transcode::follow_clock(AVPacket& packet, const AVStream& stream) {
  if ((input_.format().iformat->flags & AVFMT_TS_DISCONT) == 0) return;
  if (packet.dts == AV_NOPTS_VALUE) return;
  next_.resize(std::max(next_.size(), static_cast<std::size_t>(packet.stream_index) + 1));
  auto& expected = next_[static_cast<std::size_t>(packet.stream_index)];
  const Ticks at = to_ticks(packet.dts, stream.time_base);
  if (expected) {
    const Ticks leap = at + jump_ - *expected;
    if (leap > kClockLeap || leap < -kClockLeap) jump_ -= leap;
  }
  expected = at + jump_ + to_ticks(std::max<std::int64_t>(0, packet.duration), stream.time_base);
  if (jump_ == 0) return;
  const std::int64_t shift = av_rescale_q(jump_, kTicks, stream.time_base);
  packet.dts += shift;
  if (packet.pts != AV_NOPTS_VALUE) packet.pts += shift;
}

Status Transcode::read_all() {
  while (PacketPtr packet = input_.read()) {
    const AVStream& stream = input_.stream(packet->stream_index);
    const bool is_used = (video_decoder_ && video_->index == packet->stream_index) ||
                         (audio_decoder_ && audio_->index == packet->stream_index);
    if (is_used) follow_clock(*packet, stream);
    const std::int64_t at = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at != AV_NOPTS_VALUE) {
      const Ticks end =
          to_ticks(at + std::max<std::int64_t>(0, packet->duration), stream.time_base) - zero_;
      furthest_ = std::max(furthest_, end);
    }
    if (video_decoder_ && video_->index == packet->stream_index) {
      if (auto ok = video_decoder_->decode(*packet); !ok) return ok;
    } else if (audio_decoder_ && audio_->index == packet->stream_index) {
      if (auto ok = audio_decoder_->decode(*packet); !ok) return ok;
    }
    if (all_failed()) return {};
  }
  if (video_decoder_) {
    if (auto ok = video_decoder_->finish(); !ok) return ok;
  }
  if (audio_decoder_) return audio_decoder_->finish();
  return {};
}

bool Transcode::all_failed() const {
  return std::ranges::all_of(work_, [](const auto& work) { return work->fate.failed(); });
}

Status Transcode::judge() const {
  const auto check = [&](const DecodeTally& tally, Ticks end, const char* what) -> Status {
    const std::string detail = tally.last_error.empty() ? "" : " (" + tally.last_error + ")";
    if (tally.frames == 0) {
      return std::unexpected(
          decode_failed(0, std::string("no ") + what + " could be decoded" + detail));
    }
    if (tally.failures > kDamagedLeast &&
        static_cast<double>(tally.failures) > kDamagedShare * static_cast<double>(tally.packets)) {
      return std::unexpected(
          decode_failed(end, "too much of the " + std::string(what) + " is damaged" + detail));
    }
    return {};
  };
  if (video_decoder_) {
    auto ok = check(video_decoder_->tally(), video_decoder_->end(), "picture");
    if (!ok) return ok;
  }
  const Ticks missing = declared_ - furthest_;
  if (declared_ > 0 && missing > kMissingEnd &&
      static_cast<double>(missing) > kMissingShare * static_cast<double>(declared_)) {
    std::string why = "the file ends there, but says it lasts " + seconds_text(declared_) +
                      "; it is incomplete or damaged";
    if (const int code = input_.read_error(); code != 0) {
      why = av_error(code, why, ErrorCode::kDecodeFailed).message;
    }
    return std::unexpected(decode_failed(furthest_, why));
  }
  if (audio_decoder_ && audio_decoder_->tally().packets > 0) {
    return check(audio_decoder_->tally(), audio_decoder_->end(), "sound");
  }
  return {};
}

Status Transcode::decode() {
  for (auto& branch : branches_) {
    if (branch) branch->start();
  }
  if (all_failed()) return {};
  if (auto ok = read_all(); !ok) {
    const Ticks at = video_decoder_ ? video_decoder_->end() : furthest_;
    return std::unexpected(Error{
        ok.error().code, "decoding failed at " + seconds_text(at) + ": " + ok.error().message, {}});
  }
  if (all_failed()) return {};
  if (auto ok = judge(); !ok) return ok;
  for (VideoBranch* root : roots_) root->close();
  finish_sound();
  for (auto& branch : branches_) {
    if (branch) branch->join();
  }
  for (auto& work : work_) {
    if (!work->finished) finish_output(*work);
  }
  return {};
}

Ticks Transcode::progress_of(const Work& work) const {
  std::optional<Ticks> least;
  for (const Target& target : work.targets) {
    const Ticks at = target.video != nullptr ? target.video->progress() : sound_progress_.load();
    least = least ? std::min(*least, at) : at;
  }
  return least.value_or(branches_.empty() ? sound_progress_.load() : 0);
}

std::vector<double> Transcode::done() const {
  const auto whole = static_cast<double>(std::max<Ticks>(1, ms_to_ticks(source_.duration)));
  std::vector<double> out;
  for (const auto& work : work_) {
    const double share = static_cast<double>(progress_of(*work)) / whole;
    // The last hundredth is the writing of indexes.
    out.push_back(work->finished ? 1.0 : std::clamp(share, 0.0, 0.99));
  }
  return out;
}

double Transcode::seconds_done() const {
  Ticks least = branches_.empty() ? sound_progress_.load() : INT64_MAX;
  for (const auto& branch : branches_) {
    if (branch) least = std::min(least, branch->progress());
  }
  return least == INT64_MAX ? 0 : ticks_to_seconds(least);
}

}  // namespace telecine::media
