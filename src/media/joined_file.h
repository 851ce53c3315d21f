#pragma once

#include <memory>

#include "media/mux.h"
#include "media/piece_streams.h"

namespace telecine::media {

/// Where the joined sources are written: one file of `files` that is no output's.
inline constexpr auto kJoinedName = ".joined/all.mp4";
inline constexpr Container kJoinedContainer = Container::kMp4;

/// One file of pieces that follow each other. Times are in ticks from its start. One thread.
class JoinedFile {
 public:
  static constexpr int kRate = 48'000;  ///< of silence

  static Result<std::unique_ptr<JoinedFile>> create(OutputFiles& files);

  /// Before the first piece: streams that all pieces' are like; null for none.
  Status start(const AVStream* video, const AVStream* audio);
  /// A piece's packets, from there on; says where they end.
  Result<Ticks> add(Input& input, const PieceStreams& streams, Ticks from);
  /// Two channels of FLAC that say nothing.
  Status add_silence(Ticks from, Ticks length);
  Status finish() { return muxer_->finish(); }

 private:
  /// Where the packets of one of the streams go.
  struct Track {
    int number = 0;
    AVRational base{1, 1};
  };
  explicit JoinedFile(std::unique_ptr<FileMuxer> muxer) : muxer_(std::move(muxer)) {}
  Result<Track> add_track(const AVStream& stream);
  const Track* track_of(const AVPacket& packet, const PieceStreams& streams) const;

  std::unique_ptr<FileMuxer> muxer_;
  std::optional<Track> video_;
  std::optional<Track> audio_;
};

}  // namespace telecine::media
