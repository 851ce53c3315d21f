#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "media/av.h"
#include "media/io.h"

namespace telecine::media {

/// A media file opened from a descriptor: recognised by content, limited to the allow-lists, unable
/// to open anything else, bounded in what it may claim. One thread.
class Input {
 public:
  /// `fd` is a regular file and must outlive the Input. kNotMedia with a reason a caller can act
  /// on, kResourceLimit for files beyond the bounds of allow.h.
  static Result<Input> open(int fd);

  Input(Input&&) noexcept = default;
  /// Exchanges: the old format is closed before its input goes.
  Input& operator=(Input&& other) noexcept {
    std::swap(io_, other.io_);
    std::swap(format_, other.format_);
    std::swap(ahead_, other.ahead_);
    std::swap(read_error_, other.read_error_);
    return *this;
  }

  AVFormatContext& format() { return *format_; }
  const AVFormatContext& format() const { return *format_; }
  AVStream& stream(int index) const { return *format_->streams[index]; }
  /// What it was opened with: another may read the same file.
  int fd() const { return io_->fd(); }
  std::int64_t size() const { return io_->size(); }

  /// The next packet of any stream, or null at the end. Damage inside a file ends it; the reason
  /// is in `read_error` then.
  PacketPtr read();
  /// Reads ahead until `packets` packets of the stream or `bytes` bytes are held; `read` hands
  /// them out later. Returns what is held now, of all streams.
  const std::deque<PacketPtr>& look_ahead(int stream, int packets, std::size_t bytes);
  /// To the last place at or before `at` (stream's time base) from which decoding can start, as
  /// far as the container knows. False when it cannot seek; the position is undefined then.
  bool seek(int stream, std::int64_t at);
  /// To the packets behind a place in the file. False when its format knows no such thing.
  bool go_to(std::int64_t position);
  /// To the first keyframe of the stream at or behind a place in the file that decoding can begin
  /// with. False when there is none near; the position is undefined then.
  bool go_to_keyframe(int stream, std::int64_t position);
  /// The time of the stream's next packet, if that is such a keyframe.
  std::optional<std::int64_t> next_keyframe(int stream);
  /// Whether its format has an index that times can be trusted in.
  bool seeks_exactly() const;
  /// So that everything from `at` on, counted from the start of the file, can be decoded exactly.
  /// False when this format or file cannot promise that; the position is undefined then.
  bool seek_before(int stream, Millis at);
  /// Why reading ended, or 0 for a regular end.
  int read_error() const { return read_error_; }
  /// Whether it is an MP4 in fragments whose last one is not all there.
  bool lacks_fragments() const;
  /// How far into the file reading has come, 0...1.
  double position() const;

 private:
  Input(std::unique_ptr<ReadIo> io, InputFormatPtr format)
      : io_(std::move(io)), format_(std::move(format)) {}

  PacketPtr read_packet();

  std::unique_ptr<ReadIo> io_;  // declared first: the format uses it until closed
  InputFormatPtr format_;
  std::deque<PacketPtr> ahead_;
  int read_error_ = 0;
};

/// How long the file plays, us; AV_NOPTS_VALUE unknown. Matroska counts from 0 to its end, also
/// where it was cut out of something longer and begins later.
std::int64_t length_of(const AVFormatContext& format);

/// A decoder for one stream of an Input, from the allow-list. kUnsupported when there is none.
/// `threads` above 1 decodes frames in parallel.
Result<CodecContextPtr> open_decoder(const AVStream& stream, int threads);

}  // namespace telecine::media
