#include "media/join.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "media/clock.h"
#include "media/copy.h"
#include "media/cut_encoder.h"
#include "media/encode.h"
#include "media/heif.h"
#include "media/input.h"
#include "media/mux.h"
#include "media/piece_streams.h"

namespace telecine::media {
namespace {

constexpr int kRate = 48'000;

Result<Fd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return std::unexpected(errno_error(errno, "joining the sources"));
  return Fd(copy);
}

/// Keeps hold of the one file that a run makes.
class OneFile : public OutputFiles {
 public:
  OneFile(OutputFiles& files, std::string name) : files_(files), name_(std::move(name)) {}

  Result<Fd> create(const std::string&) override {
    auto fd = files_.create(name_);
    if (!fd) return fd;
    auto kept = duplicate(fd->get());
    if (!kept) return kept;
    kept_ = std::move(*kept);
    return fd;
  }
  Fd take() { return std::move(kept_); }

 private:
  OutputFiles& files_;
  std::string name_;
  Fd kept_;
};

/// Of what is made on the way the caller wants to know how far it is, not what it is.
class Unheard : public Stretch {
 public:
  using Stretch::Stretch;
  Status on_source(const MediaFacts&) override { return {}; }
};

Error in_piece(Error error, std::size_t piece) {
  const std::string name = "inputs[" + std::to_string(piece) + "]";
  error.message = name + ": " + error.message;
  if (error.field.empty()) error.field = name;
  return error;
}

class Join {
 public:
  Join(int first, const Job& job, OutputFiles& files, Observer& observer)
      : first_(first), job_(job), files_(files), progress_(observer, job.outputs.size()) {}

  Result<Joined> make() {
    if (auto ok = look(); !ok) return std::unexpected(ok.error());
    if (auto ok = prepare_all(); !ok) return std::unexpected(ok.error());
    if (copies_video_ && has_part() && !are_alike()) {
      // Some were cut within a group of pictures and some were not: what was encoded at the cuts
      // needs parameters that not all have.
      copies_video_ = false;
      if (auto ok = prepare_all(); !ok) return std::unexpected(ok.error());
    }
    OneFile file(files_, ".joined/all.mp4");
    auto muxer = FileMuxer::create(file, "", container_, Layout::kWhole);
    if (!muxer) return std::unexpected(muxer.error());
    if (auto ok = write(**muxer); !ok) return std::unexpected(ok.error());
    return Joined{file.take(), share()};
  }

 private:
  /// Encoding with little loss is about as much work as what follows.
  double share() const {
    const bool encodes = !copies_video_ || !copies_audio_;
    return encodes && has_video_ ? 0.5 : 0.1;
  }

  Result<Fd> open(std::size_t i) {
    auto fd = i == 0 ? duplicate(first_) : files_.open(job_.pieces[i].input);
    if (!fd || !is_heif(fd->get())) return fd;
    auto picture = unwrap_heif(fd->get(), files_, ".unwrapped-" + std::to_string(i) + ".png");
    if (!picture) return std::unexpected(picture.error());
    return std::move(picture->file);
  }

  /// What there is, and what of it can be copied.
  Status look() {
    std::optional<Input> reference;
    PieceStreams like;  // of the first piece
    for (std::size_t i = 0; i < job_.pieces.size(); ++i) {
      auto fd = open(i);
      if (!fd) return std::unexpected(in_piece(fd.error(), i));
      sources_.push_back(std::move(*fd));
      auto input = Input::open(sources_.back().get());
      if (!input) return std::unexpected(in_piece(input.error(), i));
      const PieceStreams streams = streams_of(*input);
      if (streams.video != nullptr) looks_.push_back(look_of(streams));
      if (!reference) {
        reference = std::move(*input);
        like = streams_of(*reference);
        any_sound_ = like.audio != nullptr;
        const bool is_part = has_part();
        copies_video_ = like.video == nullptr || !cannot_hold(*like.video);
        copies_audio_ = like.audio == nullptr || !cannot_hold(*like.audio);
        if (is_part && like.video != nullptr) copies_video_ &= can_cut(*like.video);
        size_ = {like.facts.width, like.facts.height};
        has_video_ = like.video != nullptr;
        continue;
      }
      if ((streams.video != nullptr) != has_video_) {
        return std::unexpected(in_piece(
            {ErrorCode::kUnsupported,
             has_video_ ? "has no picture, as the first has" : "has pictures, as the first has not",
             {}},
            i));
      }
      copies_video_ = copies_video_ && same_pictures(like, streams);
      copies_audio_ = copies_audio_ && same_sound(like, streams);
      any_sound_ = any_sound_ || streams.audio != nullptr;
    }
    return {};
  }

  bool has_part() const {
    return std::ranges::any_of(job_.pieces,
                               [](const Piece& p) { return p.start != 0 || p.end != 0; });
  }

  bool cannot_hold(const AVStream& stream) const {
    return cannot_copy(stream, entry_of(container_).muxer).has_value();
  }

  Status prepare_all() {
    prepared_.clear();
    for (std::size_t i = 0; i < job_.pieces.size(); ++i) {
      if (auto ok = prepare(i); !ok) return std::unexpected(in_piece(ok.error(), i));
    }
    return {};
  }

  /// Whether the prepared pieces can follow each other in one track of pictures.
  bool are_alike() const {
    std::optional<Input> first;
    for (const Fd& fd : prepared_) {
      auto input = Input::open(fd.get());
      if (!input) return false;
      if (first && !same_pictures(streams_of(*first), streams_of(*input))) return false;
      if (!first) first = std::move(*input);
    }
    return true;
  }

  /// What a piece is made into: what all have in common, with little loss where it is encoded.
  OutputSpec common_form(const Piece& piece) const {
    OutputSpec spec;
    spec.name = "piece";
    spec.container = container_;
    spec.start = piece.start;
    spec.end = piece.end;
    Rendition& rendition = spec.renditions.emplace_back();
    if (has_video_) {
      VideoOptions& video = rendition.video.emplace();
      video.codec = copies_video_ ? VideoCodec::kCopy : VideoCodec::kH264;
      if (!copies_video_) {
        video.reuse = false;  // pieces of one track are all made alike
        video.preset = Preset::kSuperfast;
        video.rate.crf = 12;
        set_common_look(video, looks_);
        video.size = {
            .width = size_.width, .height = size_.height, .enlarge = true, .fit = Fit::kPad};
      }
    }
    if (any_sound_) {
      AudioOptions& audio = rendition.audio.emplace();
      audio.codec = copies_audio_ ? AudioCodec::kCopy : AudioCodec::kFlac;
      if (!copies_audio_) {
        audio.reuse = false;
        audio.sample_rate = kRate;
        audio.channels = 2;
      }
    }
    return spec;
  }

  /// Brings a piece to what all have in common, if it is not that already. Beside parts, which are
  /// MP4, whole pieces have to be that too.
  Status prepare(std::size_t i) {
    const Piece& piece = job_.pieces[i];
    if (copies_video_ && copies_audio_ && !has_part()) {
      auto same = duplicate(sources_[i].get());
      if (!same) return std::unexpected(same.error());
      prepared_.push_back(std::move(*same));
      return {};
    }
    Job own;
    own.outputs.push_back(common_form(piece));
    own.threads = job_.threads;
    own.accept_damaged = job_.accept_damaged;
    OneFile file(files_, ".joined/" + std::to_string(i) + ".mp4");
    const double step = share() / static_cast<double>(job_.pieces.size());
    progress_.set(step * static_cast<double>(i), step * static_cast<double>(i + 1));
    auto made = run(sources_[i].get(), own, file, progress_);
    if (!made) return std::unexpected(made.error());
    if (made->outputs.front().error) return std::unexpected(*made->outputs.front().error);
    prepared_.push_back(file.take());
    return {};
  }

  Status write(FileMuxer& muxer) {
    for (std::size_t i = 0; i < prepared_.size(); ++i) {
      auto input = Input::open(prepared_[i].get());
      if (!input) return std::unexpected(in_piece(input.error(), i));
      const PieceStreams streams = streams_of(*input);
      if (i == 0) {
        if (auto ok = start(muxer, streams); !ok) return ok;
      }
      if (auto ok = append(muxer, *input, streams); !ok) {
        return std::unexpected(in_piece(ok.error(), i));
      }
      progress_.on_progress({}, 0);  // nobody takes it for a standstill
    }
    return muxer.finish();
  }

  Status start(FileMuxer& muxer, const PieceStreams& streams) {
    const auto add = [&](const AVStream& stream) {
      return muxer.add_track(
          {*stream.codecpar, stream.time_base, stream.avg_frame_rate, &stream, nullptr});
    };
    if (streams.video != nullptr) {
      auto track = add(*streams.video);
      if (!track) return std::unexpected(track.error());
      video_track_ = *track;
      video_base_ = streams.video->time_base;
    }
    if (any_sound_) {
      auto track = streams.audio != nullptr ? add(*streams.audio) : add_silent(muxer);
      if (!track) return std::unexpected(track.error());
      audio_track_ = *track;
      audio_base_ = streams.audio != nullptr ? streams.audio->time_base : AVRational{1, kRate};
    }
    return muxer.start();
  }

  static Result<AudioEncoder> silence() {
    AudioOptions options;
    options.codec = AudioCodec::kFlac;
    options.sample_rate = kRate;
    options.channels = 2;
    return AudioEncoder::open(options, kRate, 2);
  }

  static Result<int> add_silent(FileMuxer& muxer) {
    auto encoder = silence();
    if (!encoder) return std::unexpected(encoder.error());
    return muxer.add_track({encoder->parameters(), {1, kRate}, {0, 1}, nullptr, nullptr});
  }

  /// A piece's packets behind those of the pieces before.
  Status append(FileMuxer& muxer, Input& input, const PieceStreams& streams) {
    Ticks zero = kForever;
    for (const AVStream* stream : {streams.video, streams.audio}) {
      if (stream == nullptr) continue;
      const std::int64_t start = stream->start_time == AV_NOPTS_VALUE ? 0 : stream->start_time;
      zero = std::min(zero, to_ticks(start, stream->time_base));
    }
    Ticks end = offset_;
    while (PacketPtr packet = input.read()) {
      const bool is_video =
          streams.video != nullptr && packet->stream_index == streams.video->index;
      const bool is_audio =
          streams.audio != nullptr && packet->stream_index == streams.audio->index;
      if (!is_video && !(is_audio && any_sound_)) continue;
      // A run-up to what is heard: the piece before is there now.
      if (is_audio && (packet->flags & AV_PKT_FLAG_DISCARD) != 0) continue;
      const AVRational base = is_video ? streams.video->time_base : streams.audio->time_base;
      const AVRational to = is_video ? video_base_ : audio_base_;
      const std::int64_t shift = av_rescale_q(offset_ - zero, kTicks, to);
      av_packet_rescale_ts(packet.get(), base, to);
      if (packet->pts == AV_NOPTS_VALUE) packet->pts = packet->dts;
      if (packet->pts == AV_NOPTS_VALUE) continue;
      packet->pts += shift;
      packet->dts = packet->dts == AV_NOPTS_VALUE ? packet->pts : packet->dts + shift;
      end = std::max(end, to_ticks(packet->pts + std::max<std::int64_t>(0, packet->duration), to));
      auto ok = muxer.write(is_video ? video_track_ : audio_track_, std::move(packet));
      if (!ok) return ok;
    }
    if (any_sound_ && streams.audio == nullptr) {
      if (auto ok = append_silence(muxer, end - offset_); !ok) return ok;
    }
    offset_ = end;
    return {};
  }

  Status append_silence(FileMuxer& muxer, Ticks length) {
    auto encoder = silence();
    if (!encoder) return std::unexpected(encoder.error());
    FramePtr frame = make_frame();
    frame->format = AV_SAMPLE_FMT_S16;
    frame->sample_rate = kRate;
    frame->nb_samples = kRate;
    av_channel_layout_default(&frame->ch_layout, 2);
    if (av_frame_get_buffer(frame.get(), 0) < 0) {
      return fail(ErrorCode::kResourceLimit, "out of memory");
    }
    av_samples_set_silence(frame->extended_data, 0, kRate, 2, AV_SAMPLE_FMT_S16);
    const std::int64_t shift = av_rescale_q(offset_, kTicks, audio_base_);
    const auto send = [&](Result<std::vector<PacketPtr>> packets) -> Status {
      if (!packets) return std::unexpected(packets.error());
      for (auto& packet : *packets) {
        av_packet_rescale_ts(packet.get(), {1, kRate}, audio_base_);
        packet->pts += shift;
        packet->dts += shift;
        if (auto ok = muxer.write(audio_track_, std::move(packet)); !ok) return ok;
      }
      return {};
    };
    for (Ticks at = 0; at < length; at += kTicksPerSecond) {
      const Ticks left = std::min<Ticks>(kTicksPerSecond, length - at);
      frame->nb_samples = std::max(1, static_cast<int>(av_rescale(left, kRate, kTicksPerSecond)));
      if (auto ok = send(encoder->encode(*frame, at)); !ok) return ok;
    }
    return send(encoder->finish());
  }

  const int first_;
  const Job& job_;
  OutputFiles& files_;
  Unheard progress_;
  const Container container_ = Container::kMp4;
  std::vector<Fd> sources_;
  std::vector<Fd> prepared_;
  std::vector<Look> looks_;  // of the pieces with pictures
  Dimensions size_;
  bool has_video_ = false;
  bool any_sound_ = false;
  bool copies_video_ = true;
  bool copies_audio_ = true;
  int video_track_ = 0;
  int audio_track_ = 0;
  AVRational video_base_{1, 1};
  AVRational audio_base_{1, 1};
  Ticks offset_ = 0;
};

}  // namespace

void Stretch::on_progress(std::span<const double> done, double speed) {
  for (std::size_t i = 0; i < shown_.size() && !done.empty(); ++i) {
    const double of_it = done.size() == shown_.size() ? done[i] : done.front();
    shown_[i] = std::max(shown_[i], from_ + (to_ - from_) * of_it);
  }
  observer_.on_progress(shown_, speed);
}

Result<Joined> join_pieces(int first, const Job& job, OutputFiles& files, Observer& observer) {
  return Join(first, job, files, observer).make();
}

}  // namespace telecine::media
