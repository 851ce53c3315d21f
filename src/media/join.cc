#include "media/join.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "media/assemble.h"
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

bool can_hold(const AVStream& stream) {
  return !cannot_copy(stream, entry_of(kJoinedContainer).muxer);
}

// Of the joining, what is done before the pieces are put together.
constexpr double kPrepareShare = 0.8;

class Join {
 public:
  Join(int first, const Job& job, OutputFiles& files, Observer& observer)
      : first_(first),
        job_(job),
        files_(files),
        observer_(observer),
        progress_(observer, job.join_only ? 1 : job.outputs.size()) {}

  Result<Joined> make() {
    if (auto ok = look(); !ok) return std::unexpected(ok.error());
    if (auto ok = copy_pictures(); !ok) return std::unexpected(ok.error());
    Joined joined;
    if (!copies_video_ && job_.find_segments > 0) {
      auto work = plan();
      if (!work) return std::unexpected(work.error());
      joined.work = std::move(*work);
      if (!joined.work.empty()) return joined;
    }
    if (!copies_video_) {
      if (auto ok = encode_all(); !ok) return std::unexpected(ok.error());
    }
    auto file = write();
    if (!file) return std::unexpected(file.error());
    joined.file = std::move(*file);
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
      if (streams.video == nullptr && streams.audio == nullptr) {
        return std::unexpected(
            in_piece({ErrorCode::kUnsupported, "has neither pictures nor sound", {}}, i));
      }
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

  /// Prepares the pieces where pictures are encoded, once there is room for it.
  Status encode_all() {
    std::optional<MediaFacts> largest;
    std::int64_t most = 0;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (are_shown_[i] == 0 || encoded_of(i) != nullptr) continue;
      auto facts = probe(sources_[i].get());
      if (!facts) return std::unexpected(in_piece(facts.error(), i));
      const VideoFacts& video = *facts->main_video();
      const std::int64_t size = static_cast<std::int64_t>(video.coded_width) * video.coded_height;
      if (size > most) largest = std::move(*facts);
      most = std::max(most, size);
    }
    if (job_.join_only && largest) {
      if (auto ok = observer_.on_source(*largest); !ok) return ok;
    }
    return prepare_all();
  }

  const PieceWork* encoded_of(std::size_t piece) const {
    const auto found = std::ranges::find(job_.encoded, static_cast<int>(piece), &PieceWork::piece);
    return found == job_.encoded.end() ? nullptr : &*found;
  }

  Status prepare_all() {
    prepared_.clear();
    notes_.clear();
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
    // As large as what may be asked for.
    const double side = std::max({1, first_facts_.width, first_facts_.height});
    const double scale = std::min(1.0, telecine::kMaxSide / side);
    const auto scaled = [scale](int length) {
      return std::max(2, static_cast<int>(std::lround(length * scale)));
    };
    video.size = {.width = scaled(first_facts_.width),
                  .height = scaled(first_facts_.height),
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

  /// How the encoding of pictures can be shared out.
  Result<std::vector<PieceWork>> plan() {
    std::vector<PieceWork> all;
    for (std::size_t i = 0; i < job_.pieces.size(); ++i) {
      auto input = Input::open(sources_[i].get());
      if (!input) return std::unexpected(in_piece(input.error(), i));
      const MediaFacts facts = probe(*input);
      const OutputSpec form = common_form(job_.pieces[i], are_shown_[i] != 0);
      const auto part = part_of(form, facts.duration);
      if (!part) return std::unexpected(in_piece(part.error(), i));
      if (are_shown_[i] == 0) continue;
      PieceWork work;
      work.piece = static_cast<int>(i);
      work.form = form;
      work.size = facts.size;
      work.duration = facts.duration;
      work.length = (part->end > 0 ? part->end : facts.duration) - part->start;
      const Job own = own_job(form);
      Transcode transcode(*input, facts, own, files_, 0);
      show(i, 0, 1);
      work.segments = transcode.find_segments(job_.find_segments, [this](double read) {
        progress_.on_progress(std::span(&read, 1), 0);
      });
      work.found = transcode.findings();
      work.found.duration = facts.duration;
      // In the middle of what has no index nobody finds the way alone.
      if (work.segments.empty() && !input->seeks_exactly()) continue;
      if (work.segments.empty()) work.segments = {Segment{}};
      all.push_back(std::move(work));
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
    show(i, 0, kPrepareShare);
    const std::string number = std::to_string(i);
    OneFile file(files_, ".joined/" + number + ".mp4", "piece/" + number + "/");
    const PieceWork* encoded = encoded_of(i);
    Job own = own_job(encoded != nullptr ? encoded->form
                                         : common_form(job_.pieces[i], are_shown_[i] != 0));
    if (encoded != nullptr) {
      const auto size = file_size(sources_[i].get());
      if (!size || *size != encoded->size) {
        return fail(ErrorCode::kDecodeFailed, "it was changed while it was being encoded");
      }
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

  Result<Fd> write() {
    Assembly assembly{.has_pictures = has_video(),
                      .has_sound = any_sound_,
                      .adds_black = !copies_video_,
                      .adds_silence = !copies_audio_};
    if (has_video()) {
      assembly.like = first_facts_;
      assembly.colours = looks_.front().colours;
      assembly.form = own_job(common_form({}, true));
      assembly.form.outputs.front().renditions.front().audio.reset();
    }
    return assemble(prepared_, assembly, files_, [this](std::size_t piece, double done) {
      show(piece, kPrepareShare, 1);
      progress_.on_progress(std::span(&done, 1), 0);
    });
  }

  /// What comes is of one piece, between these shares of the joining.
  void show(std::size_t piece, double from, double to) {
    const double all = job_.join_only ? 1 : share();
    const auto count = static_cast<double>(job_.pieces.size());
    const auto at = [&](double place) { return all * (from + (to - from) * place / count); };
    progress_.set(at(static_cast<double>(piece)), at(static_cast<double>(piece + 1)));
  }

  const int first_;
  const Job& job_;
  OutputFiles& files_;
  Observer& observer_;
  Unheard progress_;
  std::vector<Fd> sources_;
  std::vector<char> are_shown_;  // by piece: whether it has pictures
  std::vector<Fd> prepared_;
  std::vector<Look> looks_;  // of the pieces with pictures
  VideoFacts first_facts_;   // of the first of them
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
