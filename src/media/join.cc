#include "media/join.h"

#include <algorithm>
#include <memory>

#include "media/black_clips.h"
#include "media/clock.h"
#include "media/copy.h"
#include "media/cut_encoder.h"
#include "media/heif.h"
#include "media/input.h"
#include "media/one_file.h"
#include "media/piece_streams.h"
#include "media/probe.h"
#include "media/transcode.h"

namespace telecine::media {
namespace {

/// Of what is made on the way the caller wants to know how far it is, not what it is.
class Unheard : public Stretch {
 public:
  using Stretch::Stretch;
  Status on_source(const MediaFacts&) override { return {}; }
};

std::string name_of_piece(std::size_t piece) {
  return "inputs[" + std::to_string(piece) + "]";
}

Error in_piece(Error error, std::size_t piece) {
  const std::string name = name_of_piece(piece);
  error.message = name + ": " + error.message;
  if (error.field.empty()) error.field = name;
  return error;
}

/// A piece while it is looked at.
struct OpenPiece {
  std::shared_ptr<Input> input;
  PieceStreams streams;
};

Result<OpenPiece> open_piece(int fd) {
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  OpenPiece piece{std::make_shared<Input>(std::move(*input)), {}};
  piece.streams = streams_of(*piece.input);
  return piece;
}

bool can_hold(const AVStream& stream) {
  return !cannot_copy(stream, entry_of(kJoinedContainer).muxer);
}

class Join {
 public:
  Join(int first, const Job& job, OutputFiles& files, Observer& observer)
      : first_(first),
        job_(job),
        files_(files),
        progress_(observer, job.join_only ? 1 : job.outputs.size()) {}

  Result<Joined> make() {
    if (auto ok = look(); !ok) return std::unexpected(ok.error());
    if (auto ok = copy_pictures(); !ok) return std::unexpected(ok.error());
    Joined joined;
    if (!copies_video_ && job_.find_segments > 0) {
      auto work = plan();
      if (!work) return std::unexpected(work.error());
      joined.work = std::move(*work);
      return joined;
    }
    if (!copies_video_) {
      if (auto ok = prepare_all(); !ok) return std::unexpected(ok.error());
    }
    OneFile all(files_, kJoinedName);
    if (auto ok = write(all); !ok) return std::unexpected(ok.error());
    joined.file = all.take();
    joined.share = share();
    joined.notes = std::move(notes_);
    return joined;
  }

 private:
  bool has_video() const { return !looks_.empty(); }

  /// Encoding with little loss is about as much work as what follows.
  double share() const {
    const bool encodes = !copies_video_ || !copies_audio_;
    return encodes && has_video() ? 0.5 : 0.1;
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
    std::optional<OpenPiece> shown;  // the first with pictures
    std::optional<OpenPiece> heard;  // and with sound
    bool all_shown = true;
    bool all_heard = true;
    for (std::size_t i = 0; i < job_.pieces.size(); ++i) {
      auto fd = open(i);
      if (!fd) return std::unexpected(in_piece(fd.error(), i));
      sources_.push_back(std::move(*fd));
      const auto piece = open_piece(sources_.back().get());
      if (!piece) return std::unexpected(in_piece(piece.error(), i));
      const PieceStreams& streams = piece->streams;
      if (streams.video != nullptr) {
        if (!shown) copies_video_ = can_copy_pictures(*streams.video);
        if (!shown) shown = *piece;
        copies_video_ &= same_pictures(shown->streams, streams);
        looks_.push_back(look_of(streams));
      }
      if (streams.audio != nullptr) {
        if (!heard) copies_audio_ = can_hold(*streams.audio);
        if (!heard) heard = *piece;
        copies_audio_ &= same_sound(heard->streams, streams);
      }
      all_shown &= streams.video != nullptr;
      all_heard &= streams.audio != nullptr;
      are_shown_.push_back(streams.video != nullptr);
    }
    if (shown) first_facts_ = shown->streams.facts;
    any_sound_ = heard.has_value();
    copies_video_ &= (all_shown || !has_video()) && job_.encoded.empty();
    copies_audio_ &= all_heard || !any_sound_;
    return {};
  }

  bool has_part() const {
    return std::ranges::any_of(job_.pieces,
                               [](const Piece& p) { return p.start != 0 || p.end != 0; });
  }

  bool can_copy_pictures(const AVStream& stream) const {
    return can_hold(stream) && (!has_part() || can_cut(stream));
  }

  /// Prepares the pieces, if pictures can be copied. Where some were cut within a group of pictures
  /// and some were not, what was encoded at the cuts needs parameters that not all have.
  Status copy_pictures() {
    if (!copies_video_) return {};
    if (auto ok = prepare_all(); !ok) return ok;
    copies_video_ = !has_part() || are_alike();
    return {};
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
    std::optional<OpenPiece> first;
    for (const Fd& fd : prepared_) {
      auto piece = open_piece(fd.get());
      if (!piece) return false;
      if (first && !same_pictures(first->streams, piece->streams)) return false;
      if (!first) first = std::move(*piece);
    }
    return true;
  }

  /// What a piece is made into: what all have in common, with little loss where it is encoded.
  OutputSpec common_form(const Piece& piece, bool is_shown) const {
    OutputSpec spec;
    spec.name = "piece";
    spec.container = kJoinedContainer;
    spec.start = piece.start;
    spec.end = piece.end;
    Rendition& rendition = spec.renditions.emplace_back();
    if (is_shown) rendition.video = common_pictures();
    if (any_sound_) {
      AudioOptions& audio = rendition.audio.emplace();
      audio.codec = copies_audio_ ? AudioCodec::kCopy : AudioCodec::kFlac;
      if (!copies_audio_) {
        audio.reuse = false;
        audio.sample_rate = JoinedFile::kRate;
        audio.channels = 2;
      }
    }
    return spec;
  }

  VideoOptions common_pictures() const {
    VideoOptions video;
    video.codec = copies_video_ ? VideoCodec::kCopy : VideoCodec::kH264;
    if (copies_video_) return video;
    video.reuse = false;  // pieces of one track are all made alike
    video.preset = Preset::kSuperfast;
    video.rate.crf = 12;
    set_common_look(video, looks_);
    video.size = {.width = first_facts_.width,
                  .height = first_facts_.height,
                  .enlarge = true,
                  .fit = Fit::kPad};
    return video;
  }

  Job own_job(OutputSpec form) const {
    Job own;
    own.outputs.push_back(std::move(form));
    own.threads = job_.threads;
    own.accept_damaged = job_.accept_damaged;
    return own;
  }

  /// The pieces whose pictures are to be encoded, and how that can be shared out.
  Result<std::vector<PieceWork>> plan() {
    std::vector<PieceWork> all;
    for (std::size_t i = 0; i < job_.pieces.size(); ++i) {
      if (!are_shown_[i]) continue;
      PieceWork& work = all.emplace_back();
      work.piece = static_cast<int>(i);
      work.form = common_form(job_.pieces[i], true);
      auto input = Input::open(sources_[i].get());
      if (!input) return std::unexpected(in_piece(input.error(), i));
      work.source = probe(*input);
      const Job own = own_job(work.form);
      Transcode transcode(*input, work.source, own, files_, 0);
      work.segments = transcode.find_segments(job_.find_segments);
      work.found = transcode.findings();
      if (work.segments.empty()) work.segments = {Segment{}};
    }
    return all;
  }

  /// Brings a piece to what all have in common, if it is not that already. Beside parts, which are
  /// MP4, whole pieces have to be that too.
  Status prepare(std::size_t i) {
    if (copies_video_ && copies_audio_ && !has_part()) {
      auto same = duplicate(sources_[i].get());
      if (!same) return std::unexpected(same.error());
      prepared_.push_back(std::move(*same));
      return {};
    }
    const double all = job_.join_only ? 1 : share();
    const double step = all / static_cast<double>(job_.pieces.size());
    progress_.set(step * static_cast<double>(i), step * static_cast<double>(i + 1));
    const std::string number = std::to_string(i);
    OneFile file(files_, ".joined/" + number + ".mp4", "piece/" + number + "/");
    const auto encoded = std::ranges::find(job_.encoded, static_cast<int>(i), &PieceWork::piece);
    const bool is_encoded = encoded != job_.encoded.end();
    Job own = own_job(is_encoded ? encoded->form : common_form(job_.pieces[i], are_shown_[i] != 0));
    if (is_encoded) {
      own.segments = encoded->segments;
      own.found = encoded->found;
    }
    auto made = run(sources_[i].get(), own, file, progress_);
    if (!made) return std::unexpected(made.error());
    const MadeOutput& piece = made->outputs.front();
    if (piece.error) return std::unexpected(*piece.error);
    for (const std::string& note : piece.notes) notes_.push_back(name_of_piece(i) + ": " + note);
    prepared_.push_back(file.take());
    return {};
  }

  Status write(OutputFiles& files) {
    auto file = JoinedFile::create(files);
    if (!file) return std::unexpected(file.error());
    if (auto ok = start(**file); !ok) return ok;
    Ticks end = 0;
    for (std::size_t i = 0; i < prepared_.size(); ++i) {
      auto reached = append(**file, prepared_[i].get(), end);
      if (!reached) return std::unexpected(in_piece(reached.error(), i));
      end = *reached;
      progress_.on_progress({}, 0);  // nobody takes it for a standstill
    }
    return (*file)->finish();
  }

  /// The first streams of pictures and of sound say what all are like.
  Status start(JoinedFile& file) const {
    std::optional<OpenPiece> shown;
    std::optional<OpenPiece> heard;
    for (const Fd& fd : prepared_) {
      const auto piece = open_piece(fd.get());
      if (!piece) return std::unexpected(piece.error());
      if (!shown && piece->streams.video != nullptr) shown = *piece;
      if (!heard && piece->streams.audio != nullptr) heard = *piece;
      if ((shown || !has_video()) && (heard || !any_sound_)) break;
    }
    return file.start(shown ? shown->streams.video : nullptr,
                      heard && any_sound_ ? heard->streams.audio : nullptr);
  }

  /// A piece, with what it lacks; says where it ends.
  Result<Ticks> append(JoinedFile& file, int piece_fd, Ticks from) {
    const auto piece = open_piece(piece_fd);
    if (!piece) return std::unexpected(piece.error());
    auto end = file.add(*piece->input, piece->streams, from);
    if (!end) return end;
    if (any_sound_ && piece->streams.audio == nullptr) {
      if (auto ok = file.add_silence(from, *end - from); !ok) return std::unexpected(ok.error());
    }
    if (!has_video() || piece->streams.video != nullptr) return end;
    return append_black(file, from, *end);
  }

  Result<Ticks> append_black(JoinedFile& file, Ticks from, Ticks to) {
    if (!black_) {
      Job form = own_job(common_form({}, true));
      form.outputs.front().renditions.front().audio.reset();
      black_.emplace(std::move(form), first_facts_, looks_.front().colours, files_);
    }
    std::int64_t left = black_->pictures_in(to - from);
    while (left > 0) {
      const std::int64_t count = std::min(left, BlackClips::kMost);
      const auto made = black_->clip(count);
      if (!made) return std::unexpected(made.error());
      const auto clip = open_piece(*made);
      if (!clip) return std::unexpected(clip.error());
      const auto end = file.add(*clip->input, clip->streams, from);
      if (!end) return end;
      from = *end;
      left -= count;
    }
    return std::max(from, to);
  }

  const int first_;
  const Job& job_;
  OutputFiles& files_;
  Unheard progress_;
  std::vector<Fd> sources_;
  std::vector<char> are_shown_;  // by piece: whether it has pictures
  std::vector<Fd> prepared_;
  std::vector<Look> looks_;  // of the pieces with pictures
  VideoFacts first_facts_;   // of the first of them
  std::optional<BlackClips> black_;
  std::vector<std::string> notes_;
  bool any_sound_ = false;
  bool copies_video_ = true;
  bool copies_audio_ = true;
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
