#pragma once

#include <functional>
#include <memory>

#include "job/job.h"
#include "media/mux.h"
#include "media/nal_units.h"
#include "media/piece_streams.h"

namespace telecine::media {

inline constexpr Container kJoinedContainer = Container::kMp4;

/// One file of pieces that follow each other. Times are in ticks from its start. One thread.
class JoinedFile {
 public:
  static constexpr int kRate = 48'000;  ///< of silence

  static Result<std::unique_ptr<JoinedFile>> create(OutputFiles& files);

  /// Before the first piece: streams that all pieces' are like; null for none.
  Status start(const AVStream* video, const AVStream* audio);
  /// A piece's packets, from there on; says where they end. Tells now and then how far it is,
  /// 0...1.
  Result<Ticks> add(Input& input, const PieceStreams& streams, Ticks from,
                    const std::function<void(double)>& tell);
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

  Bytes own_sets(const AVStream& stream) const;
  void order(AVPacket& picture, Ticks from);

  std::unique_ptr<FileMuxer> muxer_;
  Bytes setup_;                           // of the pictures' track: its extradata
  std::optional<std::int64_t> last_dts_;  // in it
  std::optional<Track> video_;
  std::optional<Track> audio_;
};

}  // namespace telecine::media
