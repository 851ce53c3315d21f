#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "media/mux.h"
#include "task/output.h"

namespace telecine::media {

/// Where the clock of transport streams stands when the output begins, s.
inline constexpr int kTsStart = 10;

/// libavformat's name of what makes such segments.
const char* segment_muxer(SegmentFormat format);

/// What segments are encrypted with (AES-128), and where players get it.
struct SegmentKey {
  std::string key;  ///< 16 bytes
  std::string uri;  ///< as the playlist of the rendition names it
};

/// One rendition of a ladder in one directory: `init.mp4` and `seg-00001.m4s`... (fragmented MP4)
/// or `seg-00001.ts`... (transport stream). Segments are cut at the first keyframe at or after each
/// multiple of the segment length (sound alone: at the first packet), so renditions with the same
/// keyframe grid cut at the same times.
class HlsMuxer : public Muxer {
 public:
  /// `directory` is relative, without a trailing slash.
  HlsMuxer(OutputFiles& files, std::string directory, const OutputSpec& spec,
           std::optional<SegmentKey> key = std::nullopt);
  ~HlsMuxer() override;

  Result<int> add_track(const TrackFormat& format) override;
  Status start() override;
  Status write(int track, PacketPtr packet) override;
  Status end_track(int track) override;
  Status finish() override;

  struct Segment {
    Ticks start = 0;
    Ticks length = 0;
    std::int64_t bytes = 0;
    std::string iv;  ///< hex; empty: not encrypted
  };
  const std::vector<Segment>& segments() const { return segments_; }
  /// The longest segment in seconds, as playlists round it.
  double longest() const;
  /// `index.m3u8`; `target` is the longest of all renditions.
  std::string playlist(double target) const;
  const std::vector<OutputFile>& files() const { return made_; }
  double seconds() const;
  std::int64_t bytes() const;
  /// The largest rate of any run of segments of at least half the target duration, bit/s
  /// (RFC 8216 4.3.4.2), and the rate of the whole.
  std::int64_t peak_rate() const;
  std::int64_t average_rate() const;

 private:
  struct Track {
    bool is_video = false;
    bool started = false;
    bool ended = false;
    std::optional<Ticks> delay;  // of presentation behind decoding, from the first packet
    std::deque<std::pair<Ticks, PacketPtr>> queue;  // by the time at which each is due
  };

  Result<Fd> open(const std::string& name);
  Status pump();
  Status emit(int track, PacketPtr packet);
  void start_track(int track, Ticks at);
  Status cut(Ticks at);
  Status open_segment();
  Status flush();
  Status close_init();
  Status encrypt_segment(std::string& iv);
  Status close_file(Fd fd, const std::string& name, const char* type);

  OutputFiles& files_;
  const std::string directory_;
  const Ticks length_;
  const SegmentFormat format_;
  const std::optional<SegmentKey> key_;
  WriteIo io_;
  std::mutex mutex_;
  MuxContext context_;
  std::deque<Track> tracks_;
  Fd init_;     // fMP4 only: open until the first cut
  Fd segment_;  // TS only: open from a segment's first packet on. fMP4's stay in memory till then
  int cutting_track_ = 0;
  Ticks segment_start_ = 0;
  Ticks next_cut_ = 0;
  Ticks end_ = 0;
  bool any_packet_ = false;         // since the last cut
  std::int64_t segment_bytes_ = 0;  // likewise
  std::int64_t waiting_bytes_ = 0;  // in the tracks' queues
  std::vector<Segment> segments_;
  std::vector<OutputFile> made_;
};

}  // namespace telecine::media
