#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "media/branch.h"
#include "media/decode.h"

namespace telecine::media {

/// What the encode of a segment knows at its end.
struct SegmentEnd {
  std::int64_t frames = 0;
  Ticks start = 0;             ///< of the first picture
  Ticks end = 0;               ///< of the last one
  std::int64_t packets = 0;    ///< of the source, that were decoded
  std::int64_t failures = 0;   ///< packets of these that gave an error
  std::int64_t last_code = 0;  ///< libav's, of the last of these
};

/// What one encode of one segment of a source leaves for the join: the stream's parameters, its
/// packets with their times as they are, and what the encode knows at its end. A file between two
/// runs of this program, and nobody else's.
class SegmentWriter : public Muxer {
 public:
  static Result<std::unique_ptr<SegmentWriter>> create(OutputFiles& files, const std::string& name);

  /// One track of pictures.
  Result<int> add_track(const TrackFormat& format) override;
  Status start() override { return {}; }
  Status write(int track, PacketPtr packet) override;
  Status end_track(int) override { return {}; }
  Status finish() override;
  std::int64_t bytes() const { return bytes_; }
  /// Before `finish`: what was encoded, and what of it could be decoded.
  void note(const PictureSource& pictures, const DecodeTally& decoded);

 private:
  explicit SegmentWriter(Fd fd) : fd_(std::move(fd)) {}
  Status put(std::string_view bytes);
  Status flush();

  Fd fd_;
  std::string waiting_;     // to be written
  std::int64_t bytes_ = 0;  // written
  SegmentEnd end_;
};

/// Reads such a file. One thread.
class SegmentReader {
 public:
  /// kInternal for what is no whole segment: those who wrote it are to be asked again.
  static Result<SegmentReader> open(Fd fd);

  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational frame_rate() const { return frame_rate_; }
  /// The next packet, or null at the end.
  Result<PacketPtr> read();
  /// What the writer noted; once `read` has come to the end.
  const SegmentEnd& end() const { return end_; }

 private:
  explicit SegmentReader(Fd fd) : fd_(std::move(fd)) {}
  Result<std::string> take(std::size_t count);

  Fd fd_;
  std::int64_t at_ = 0;
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
  CodecParametersPtr parameters_;
  AVRational frame_rate_{0, 1};
  SegmentEnd end_;
};

/// The name under which the segment of an encode is asked of OutputFiles.
std::string segment_name(std::size_t segment, std::size_t encode);

/// The segments of one encode, one after the other.
class JoinedSegments : public PictureSource {
 public:
  /// `segments` has one at least; `offset` is what the source's clock shows when the output's shows
  /// 0.
  static Result<std::unique_ptr<JoinedSegments>> open(OutputFiles& files, std::size_t encode,
                                                      std::vector<std::size_t> segments,
                                                      Ticks offset);

  /// Sends what is to be decoded before `until` on the source's clock.
  Status pump(Ticks until);
  /// Nothing more comes.
  void give_up(const Error& error) {
    ended_ = failed_ = true;
    out_.fail(error);
  }

  void add_consumer(Consumer consumer) override { out_.add(consumer); }
  const AVCodecParameters& parameters() const override { return reader_.parameters(); }
  AVRational frame_rate() const override { return reader_.frame_rate(); }
  std::int64_t frames() const override { return tally_.frames; }
  /// Of all segments together, once they have passed.
  const DecodeTally& tally() const { return tally_; }
  bool failed() const { return failed_; }
  Ticks starts() const override { return start_.value_or(0); }
  Ticks ends() const override { return end_; }
  Ticks progress() const override { return progress_; }

 private:
  JoinedSegments(OutputFiles& files, std::size_t encode, std::vector<std::size_t> segments,
                 Ticks offset, SegmentReader first)
      : files_(files),
        encode_(encode),
        segments_(std::move(segments)),
        offset_(offset),
        reader_(std::move(first)) {}
  Status advance();
  Status go_on();
  void send();

  OutputFiles& files_;
  const std::size_t encode_;
  const std::vector<std::size_t> segments_;
  const Ticks offset_;
  std::size_t place_ = 0;  // of the current one
  SegmentReader reader_;   // of the current segment
  PacketPtr next_;
  bool begun_ = false;
  bool ended_ = false;
  bool failed_ = false;
  std::optional<std::int64_t> last_dts_;
  Distributor out_;
  DecodeTally tally_;
  std::optional<Ticks> start_;
  Ticks end_ = 0;
  std::atomic<Ticks> progress_ = 0;
};

}  // namespace telecine::media
