#pragma once

#include <atomic>
#include <string>

#include "media/branch.h"
#include "media/input.h"

namespace telecine::media {

/// Why a stream cannot be taken over into a muxer's format ("mp4 cannot hold prores; ..."), or
/// nothing. `muxer` is libavformat's name.
std::optional<Error> cannot_copy(const AVStream& stream, const char* muxer);

/// A stream of the source that goes into outputs as it is. `take` and `finish` from one thread.
class StreamCopy {
 public:
  /// `zero` is what the source's clock shows when the output's shows 0. `stream` must outlive this.
  StreamCopy(const AVStream& stream, Ticks zero);

  void add_consumer(Consumer consumer) { out_.add(consumer); }
  void fail(const Error& error) { out_.fail(error); }
  bool wanted() const { return out_.wanted(); }
  /// Pictures begin with the first keyframe. A stream that does not say when its pictures are shown
  /// fails those who want it (kUnsupported).
  void take(const AVPacket& packet);
  void finish();

  const AVStream& stream() const { return stream_; }
  std::int64_t packets() const { return packets_; }
  Ticks start() const { return start_; }
  Ticks end() const { return end_; }
  /// How far it has come. Any thread.
  Ticks progress() const { return progress_; }

 private:
  bool time(AVPacket& packet);

  const AVStream& stream_;
  const std::int64_t zero_;  // in the stream's time base, as all below but Ticks
  Distributor out_;
  std::optional<std::int64_t> last_dts_;
  std::int64_t step_ = 0;  // of the last two packets
  std::int64_t packets_ = 0;
  Ticks start_ = 0;
  Ticks end_ = 0;
  std::atomic<Ticks> progress_ = 0;
};

}  // namespace telecine::media
