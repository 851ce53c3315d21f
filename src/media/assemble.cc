#include "media/assemble.h"

#include <algorithm>

#include "media/black_clips.h"
#include "media/joined_file.h"
#include "media/one_file.h"

namespace telecine::media {
namespace {

class Assembler {
 public:
  Assembler(const Assembly& how, OutputFiles& files, JoinedFile& file)
      : how_(how), file_(file), black_(how.form, how.like, how.colours, files) {}

  /// The first streams of pictures and of sound say what all are like.
  Status start(std::span<const Fd> pieces) {
    std::optional<OpenPiece> shown;
    std::optional<OpenPiece> heard;
    for (const Fd& fd : pieces) {
      const auto piece = open_piece(fd.get());
      if (!piece) return std::unexpected(piece.error());
      if (!shown && piece->streams.video != nullptr) shown = *piece;
      if (!heard && piece->streams.audio != nullptr) heard = *piece;
      if ((shown || !how_.has_pictures) && (heard || !how_.has_sound)) break;
    }
    // Parts may lie where there is no sound.
    has_sound_ = how_.has_sound && heard;
    return file_.start(shown ? shown->streams.video : nullptr,
                       has_sound_ ? heard->streams.audio : nullptr);
  }

  Status append(int fd, const std::function<void(double)>& tell) {
    const auto piece = open_piece(fd);
    if (!piece) return std::unexpected(piece.error());
    const Ticks from = end_;
    const auto end = file_.add(*piece->input, piece->streams, from, tell);
    if (!end) return std::unexpected(end.error());
    end_ = *end;
    if (has_sound_ && how_.adds_silence && piece->streams.audio == nullptr) {
      if (auto ok = file_.add_silence(from, end_ - from); !ok) return ok;
    }
    const bool is_dark = how_.has_pictures && how_.adds_black && piece->streams.video == nullptr;
    return is_dark ? append_black(from) : Status();
  }

 private:
  /// From there to the end, which may move by less than a picture.
  Status append_black(Ticks from) {
    std::int64_t left = black_.pictures_in(end_ - from);
    while (left > 0) {
      const std::int64_t count = std::min(left, BlackClips::kMost);
      const auto made = black_.clip(count);
      if (!made) return std::unexpected(made.error());
      const auto clip = open_piece(*made);
      if (!clip) return std::unexpected(clip.error());
      const auto end = file_.add(*clip->input, clip->streams, from, {});
      if (!end) return std::unexpected(end.error());
      from = *end;
      left -= count;
    }
    end_ = std::max(end_, from);
    return {};
  }

  const Assembly& how_;
  JoinedFile& file_;
  BlackClips black_;
  bool has_sound_ = false;
  Ticks end_ = 0;
};

}  // namespace

Result<Fd> assemble(std::span<const Fd> pieces, const Assembly& how, OutputFiles& files,
                    const std::function<void(std::size_t piece, double done)>& tell) {
  OneFile all(files, kJoinedName);
  auto file = JoinedFile::create(all);
  if (!file) return std::unexpected(file.error());
  Assembler assembler(how, files, **file);
  if (auto ok = assembler.start(pieces); !ok) return std::unexpected(ok.error());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto ok = assembler.append(pieces[i].get(), [&](double done) { tell(i, done); });
    if (!ok) return std::unexpected(in_piece(ok.error(), i));
  }
  if (auto ok = (*file)->finish(); !ok) return std::unexpected(ok.error());
  return all.take();
}

}  // namespace telecine::media
