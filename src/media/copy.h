#pragma once

#include <atomic>
#include <string>

#include "media/branch.h"
#include "media/decode.h"
#include "media/input.h"

namespace telecine::media {

/// Why a stream cannot be taken over into a muxer's format ("mp4 cannot hold prores; ..."), or
/// nothing. `muxer` is libavformat's name.
std::optional<Error> cannot_copy(const AVStream& stream, const char* muxer);

/// Whether the output's container says from where on a track of sound plays.
bool writes_edit_lists(const OutputSpec& spec);

/// A stream of the source that goes into outputs as it is. `take` and `finish` from one thread.
class StreamCopy {
 public:
  /// `zero` is what the source's clock shows when the output's shows 0. `stream` must outlive this.
  StreamCopy(const AVStream& stream, Ticks zero);
  virtual ~StreamCopy() = default;
  StreamCopy(const StreamCopy&) = delete;
  StreamCopy& operator=(const StreamCopy&) = delete;

  void add_consumer(Consumer consumer) { out_.add(consumer); }
  void fail(const Error& error) { out_.fail(error); }
  bool wanted() const { return out_.wanted(); }
  /// Pictures begin with the first keyframe. A stream that does not say when its pictures are shown
  /// fails those who want it (kUnsupported).
  virtual void take(const AVPacket& packet);
  virtual void finish();
  /// Nothing of the source that is still to come is needed.
  virtual bool is_done() const { return !wanted(); }

  /// Whether anything went out that was not encoded.
  virtual bool copied_any() const { return true; }

  const AVStream& stream() const { return stream_; }
  /// Of the packets that go out.
  virtual const AVCodecParameters& parameters() const { return bare_ ? *bare_ : *stream_.codecpar; }
  std::int64_t packets() const { return packets_; }
  /// As far as damage shows without decoding; not of parts.
  DecodeTally tally() const { return tally_; }
  Ticks start() const { return start_; }
  Ticks end() const { return end_; }
  /// How far it has come, on the source's clock. Any thread.
  Ticks progress() const { return progress_; }

 protected:
  /// To everybody who wants it. Its times are those of the output, in the stream's time base.
  void send(PacketPtr packet, std::int64_t length);
  void end_all() { out_.end(); }
  void show_progress(Ticks at) { progress_ = at; }
  std::int64_t zero() const { return zero_; }

 private:
  bool time(AVPacket& packet);
  bool strip(AVPacket& packet) const;

  const AVStream& stream_;
  CodecParametersPtr bare_;  // of AAC whose packets lose their headers
  const std::int64_t zero_;  // in the stream's time base, as all below but Ticks
  Distributor out_;
  std::optional<std::int64_t> last_dts_;
  std::int64_t step_ = 0;  // of the last two packets
  const int length_size_;  // 0: damage does not show
  DecodeTally tally_;
  std::int64_t packets_ = 0;
  Ticks start_ = 0;
  Ticks end_ = 0;
  std::atomic<Ticks> progress_ = 0;
};

/// The pictures from the keyframe a span begins with to its end, and those few behind it that its
/// last ones refer to.
class KeyframeClip : public StreamCopy {
 public:
  KeyframeClip(const AVStream& stream, Ticks zero, Span span);

  void take(const AVPacket& packet) override;
  bool is_done() const override { return over_ || !wanted(); }

 private:
  const Ticks file_zero_;
  const Span span_;
  std::vector<PacketPtr> behind_;  // shown behind the span: goes out if something within it follows
  bool begun_ = false;
  bool over_ = false;
};

/// The packets of sound that play within a span, whose start becomes 0. A packet that holds the
/// start is part of it only with `runs_up`, for containers that can say from where on to play; a
/// decoder then gets a few more to warm up with.
class SoundClip : public StreamCopy {
 public:
  SoundClip(const AVStream& stream, Ticks zero, Span span, bool runs_up);

  void take(const AVPacket& packet) override;
  bool is_done() const override { return over_ || !wanted(); }

 private:
  const Ticks file_zero_;
  const Span span_;
  const Ticks run_up_;
  bool over_ = false;
};

}  // namespace telecine::media
