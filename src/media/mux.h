#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "job/output_files.h"
#include "media/clock.h"
#include "media/encoders.h"
#include "media/io.h"

namespace telecine::media {

/// One stream of packets on its way into a file.
struct TrackFormat {
  const AVCodecParameters& codec;
  AVRational time_base;         ///< of its packets
  AVRational frame_rate{0, 1};  ///< pictures only
  /// Of a track that is copied: what it says of itself goes along.
  const AVStream* source = nullptr;
  /// Of a track that is encoded: whose language, title and purpose it has.
  const AVStream* named = nullptr;
  /// Of pictures of high dynamic range that are encoded: containers say it beside the codec, and
  /// for VP9 they alone do.
  const HdrLight* light = nullptr;
};

/// Puts encoded packets into files. Tracks are added, then `start`, then packets of each track in
/// decoding order, then `end_track` for each, then `finish`. `write` and `end_track` may be called
/// from several threads at once.
class Muxer {
 public:
  virtual ~Muxer() = default;
  /// Its number for `write`.
  virtual Result<int> add_track(const TrackFormat& format) = 0;
  virtual Status start() = 0;
  virtual Status write(int track, PacketPtr packet) = 0;
  virtual Status end_track(int track) = 0;
  virtual Status finish() = 0;
};

/// A libavformat muxing context on descriptors of ours; the common part of muxers.
struct MuxContext {
  OutputFormatPtr format;
  std::vector<AVRational> time_bases;  ///< of the packets that come in
  std::vector<std::int64_t> last_dts;  ///< by track, in its own time base
  int lengths_track = -1;              ///< whose packets need lengths, see hevc_in_flv.h
  bool renumbers = false;              ///< see hevc_in_flv.h
  bool copies = false;                 ///< a track is the source's own

  /// A refusal by libavformat. What it has against a copied stream is the source's doing.
  Error refusal(int code) const;
  static Result<MuxContext> make(const char* muxer, AVIOContext* io);
  Result<int> add_track(const TrackFormat& track);
  /// Consumes the packet, with its timestamps turned to the track's time base.
  Status write(int track, PacketPtr packet, bool interleave);
};

/// How an MP4 is laid out.
enum class Layout : std::uint8_t {
  kWhole,   ///< one index of all the media, in front
  kBehind,  ///< behind it: nothing is moved at the end, but players have to read it all first
  /// Pieces of media, each with its own index, and in front an index of the pieces (sidx).
  kFragmented,
};

/// One file; but for `kBehind` ready for playing while it downloads.
class FileMuxer : public Muxer {
 public:
  static Result<std::unique_ptr<FileMuxer>> create(OutputFiles& files, const std::string& name,
                                                   Container container,
                                                   Layout layout = Layout::kWhole);
  ~FileMuxer() override;

  Result<int> add_track(const TrackFormat& format) override;
  /// Marks for players to jump to, on the file's own clock. Before `start`; only MP4 and MKV have
  /// them.
  void set_chapters(const std::vector<ChapterFacts>& chapters);
  /// A line of the file's own metadata ("title", "comment"). Before `start`.
  void tag(const char* key, const std::string& value);
  Status start() override;
  Status write(int track, PacketPtr packet) override;
  Status end_track(int) override { return {}; }
  /// Writes the index, moves it in front.
  Status finish() override;

  /// The finished file, for probing.
  int fd() const { return fd_.get(); }

 private:
  explicit FileMuxer(Fd fd);
  static int open_again(AVFormatContext* format, AVIOContext** io, const char* url, int flags,
                        AVDictionary** options);
  static int close_again(AVFormatContext* format, AVIOContext* io);

  Fd fd_;
  Layout layout_ = Layout::kWhole;
  WriteIo io_;
  std::vector<std::unique_ptr<ReadIo>> readers_;  // the muxer's second look at its own file
  std::mutex mutex_;
  MuxContext context_;  // guarded by mutex_ once started
};

}  // namespace telecine::media
