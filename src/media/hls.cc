#include "media/hls.h"

extern "C" {
#include <libavutil/opt.h>
}

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/crypto.h"
#include "media/ladder.h"

namespace telecine::media {
namespace {

// When one track is this far ahead the other is taken to have a hole rather than to be late.
constexpr Ticks kLongestWait = 30LL * kTicksPerSecond;
// The same for sources whose times say nothing.
constexpr std::int64_t kMostWaiting = 64 << 20;  // bytes
// A fragment is held in memory until it is cut, which copied pictures allow at keyframes only.
constexpr std::int64_t kLargestSegment = 256 << 20;  // bytes

struct FormatEntry {
  SegmentFormat format;
  const char* muxer;  // libavformat's name
  const char* extension;
  const char* media_type;
  int version;  // of the playlist's protocol that these segments need
  const char* map;
};
// RFC 8216, section 7: 3 for fractions of a second, 6 for EXT-X-MAP; 7 is what fMP4 came with.
constexpr auto kFormats = std::to_array<FormatEntry>({
    {SegmentFormat::kFmp4, "mp4", "m4s", "video/iso.segment", 7, "#EXT-X-MAP:URI=\"init.mp4\"\n"},
    {SegmentFormat::kTs, "mpegts", "ts", "video/mp2t", 3, ""},
});

const FormatEntry& segment_entry(SegmentFormat format) {
  return *std::ranges::find(kFormats, format, &FormatEntry::format);
}

// Transport streams have no times below 0, where reordered pictures and the priming of sound
// begin: all renditions are moved by the same ten seconds, as is the custom. Twice the muxer's own
// delay, by which the clock runs ahead of the pictures, is part of them.
constexpr std::int64_t kTsDelay = 700'000;  // us
constexpr Ticks kTsShift =
    kTsStart * static_cast<Ticks>(kTicksPerSecond) - 2 * (kTsDelay * kTicksPerSecond / 1'000'000);

std::string segment_name(std::size_t number, SegmentFormat format) {
  char name[32];
  std::snprintf(name, sizeof name, "seg-%05zu.%s", number, segment_entry(format).extension);
  return name;
}

/// In place: what is ready is never ahead of what was read.
Status encrypt_file(int fd, const std::string& key, const std::string& iv) {
  constexpr std::size_t kPiece = 1 << 20;
  Aes128Cbc cipher(key, iv);
  std::string piece;
  std::int64_t read = 0;
  std::int64_t written = 0;
  const auto write = [&](const std::string& data) -> Status {
    auto ok = write_whole(fd, data, written);
    written += static_cast<std::int64_t>(data.size());
    return ok;
  };
  while (true) {
    piece.resize(kPiece);
    const ssize_t got = ::pread(fd, piece.data(), piece.size(), read);
    if (got < 0) return fail(ErrorCode::kInternal, "a segment cannot be read again");
    if (got == 0) break;
    piece.resize(static_cast<std::size_t>(got));
    read += got;
    if (auto ok = write(cipher.update(piece)); !ok) return ok;
  }
  return write(cipher.finish());
}

Error hls_error(int code) {
  return av_error(code, "the HLS output could not be written", ErrorCode::kInternal);
}

}  // namespace

const char* segment_muxer(SegmentFormat format) {
  return segment_entry(format).muxer;
}

std::string playlist_head(SegmentFormat format) {
  return "#EXTM3U\n#EXT-X-VERSION:" + std::to_string(segment_entry(format).version) + "\n";
}

HlsMuxer::HlsMuxer(OutputFiles& files, std::string directory, const OutputSpec& spec,
                   std::optional<SegmentKey> key)
    : files_(files),
      directory_(std::move(directory)),
      length_(std::max<Ticks>(1, ms_to_ticks(spec.segment))),
      format_(spec.segments),
      key_(std::move(key)),
      next_cut_(length_) {}

HlsMuxer::~HlsMuxer() {
  context_.format.reset();
}

Result<int> HlsMuxer::add_track(const TrackFormat& format) {
  if (!context_.format) {
    auto context = MuxContext::make(segment_entry(format_).muxer, io_.get());
    if (!context) return std::unexpected(context.error());
    context_ = std::move(*context);
  }
  auto track = context_.add_track(format);
  if (!track) return track;
  Track& added = tracks_.emplace_back();
  added.is_video = format.codec.codec_type == AVMEDIA_TYPE_VIDEO;
  if (added.is_video) cutting_track_ = *track;
  return track;
}

Result<Fd> HlsMuxer::open(const std::string& name) {
  return files_.create(directory_ + "/" + name);
}

Status HlsMuxer::start() {
  Dictionary options;
  if (format_ == SegmentFormat::kTs) {
    context_.format->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    context_.format->max_delay = kTsDelay;
  } else {
    auto init = open("init.mp4");
    if (!init) return std::unexpected(init.error());
    init_ = std::move(*init);
    io_.retarget(init_.get());
  }
  // Fragments end where we say. The header waits for the first packets, so that it can carry the
  // edit lists that put the first picture and the first sound (after the encoder's priming) where
  // they belong. Negative offsets would save the picture's, but libavformat's own reader, and all
  // that is built on it, shifts such streams.
  options.set("movflags", "+frag_custom+delay_moov+default_base_moof+dash+skip_trailer+write_colr");
  options.set("use_editlist", 1);
  if (const int code = avformat_write_header(context_.format.get(), options.address()); code < 0) {
    return std::unexpected(context_.refusal(code));
  }
  return {};
}

Status HlsMuxer::write(int track, PacketPtr packet) {
  const std::lock_guard lock(mutex_);
  const AVRational base = context_.time_bases[static_cast<std::size_t>(track)];
  Track& to = tracks_[static_cast<std::size_t>(track)];
  const Ticks shown = to_ticks(packet->pts, base);
  const Ticks decoded = to_ticks(packet->dts, base);
  if (!to.delay) to.delay = shown - decoded;
  const bool is_key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  waiting_bytes_ += packet->size;
  to.queue.emplace_back(is_key ? shown : decoded + *to.delay, std::move(packet));
  return pump();
}

Status HlsMuxer::end_track(int track) {
  const std::lock_guard lock(mutex_);
  tracks_[static_cast<std::size_t>(track)].ended = true;
  return pump();
}

// Hands on whatever is due before anything that may still come.
Status HlsMuxer::pump() {
  while (true) {
    int next = -1;
    bool waits = false;
    for (int i = 0; i < static_cast<int>(tracks_.size()); ++i) {
      const Track& track = tracks_[static_cast<std::size_t>(i)];
      // Pictures wait for their successor, see `emit`.
      const std::size_t kept = track.is_video && !track.ended ? 1 : 0;
      if (track.queue.size() <= kept) {
        waits = waits || !track.ended;
      } else if (next < 0 || track.queue.front().first <
                                 tracks_[static_cast<std::size_t>(next)].queue.front().first) {
        next = i;
      }
    }
    if (next < 0) return {};
    Track& track = tracks_[static_cast<std::size_t>(next)];
    const Ticks held = track.queue.back().first - track.queue.front().first;
    if (waits && held < kLongestWait && waiting_bytes_ < kMostWaiting) return {};
    PacketPtr packet = std::move(track.queue.front().second);
    track.queue.pop_front();
    waiting_bytes_ -= packet->size;
    if (auto ok = emit(next, std::move(packet)); !ok) return ok;
  }
}

Status HlsMuxer::emit(int track, PacketPtr packet) {
  const AVRational base = context_.time_bases[static_cast<std::size_t>(track)];
  const Ticks at = to_ticks(packet->pts, base);
  const bool is_key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  // Sound that outlasts the pictures is cut too, but a short rest stays with the last of them.
  const Track& cutting = tracks_[static_cast<std::size_t>(cutting_track_)];
  const bool outlasts = cutting.is_video && cutting.ended && cutting.queue.empty();
  const bool cuts = outlasts || (track == cutting_track_ && is_key);
  if (cuts && at >= next_cut_ + (outlasts ? length_ / 2 : 0) && any_packet_) {
    if (auto ok = cut(at); !ok) return ok;
  }
  // What comes before 0 (a copied lead-in) is part of the first segment.
  if (segments_.empty() && tracks_[static_cast<std::size_t>(track)].is_video) {
    segment_start_ = std::min(segment_start_, at);
  }
  start_track(track, at);
  any_packet_ = true;
  segment_bytes_ += packet->size;
  if (segment_bytes_ > kLargestSegment) {
    return fail(ErrorCode::kResourceLimit,
                "a segment would be larger than 256 MiB: the pictures have too few keyframes");
  }
  end_ = std::max(end_, at + to_ticks(packet->duration, base));
  // Fragments tell time by sample durations: they must add up to the next fragment's start.
  const auto& queue = tracks_[static_cast<std::size_t>(track)].queue;
  if (!queue.empty()) packet->duration = queue.front().second->dts - packet->dts;
  if (format_ == SegmentFormat::kTs) {
    if (auto ok = open_segment(); !ok) return ok;
    const std::int64_t shift = av_rescale_q(kTsShift, kTicks, base);
    packet->pts += shift;
    packet->dts += shift;
  }
  return context_.write(track, std::move(packet), false);
}

// Fragments of a track that starts late say so themselves: browsers do not heed the edit list that
// would. What starts at 0 or before, as the priming of sound does, needs the edit list.
void HlsMuxer::start_track(int track, Ticks at) {
  Track& starting = tracks_[static_cast<std::size_t>(track)];
  if (!starting.started && at > 0 && format_ == SegmentFormat::kFmp4) {
    av_opt_set(context_.format->priv_data, "movflags", "+frag_discont", 0);
  }
  starting.started = true;
}

Status HlsMuxer::encrypt_segment(std::string& iv) {
  if (!key_) return {};
  if (auto ok = io_.flush(); !ok) return ok;
  const std::string bytes = random_bytes(key_->key.size());
  iv = hex(bytes);
  return encrypt_file(segment_.get(), key_->key, bytes);
}

Status HlsMuxer::close_file(Fd fd, const std::string& name, const char* type) {
  if (auto ok = io_.flush(); !ok) return ok;
  const auto size = file_size(fd.get());
  if (!size) return std::unexpected(size.error());
  made_.push_back({directory_ + "/" + name, {}, type, *size, {}});
  fd.reset();
  return {};
}

Status HlsMuxer::flush() {
  if (const int code = av_write_frame(context_.format.get(), nullptr); code < 0) {
    return std::unexpected(hls_error(code));
  }
  return {};
}

Status HlsMuxer::open_segment() {
  if (segment_) return {};
  auto fd = open(segment_name(segments_.size() + 1, format_));
  if (!fd) return std::unexpected(fd.error());
  segment_ = std::move(*fd);
  io_.retarget(segment_.get());
  // Every segment begins with the tables a player needs to start there.
  if (format_ == SegmentFormat::kTs) {
    av_opt_set(context_.format->priv_data, "mpegts_flags", "+resend_headers", 0);
  }
  return {};
}

// With a delayed header the first flush writes the header alone.
Status HlsMuxer::close_init() {
  if (!init_) return {};
  if (auto ok = flush(); !ok) return ok;
  return close_file(std::move(init_), "init.mp4", "video/mp4");
}

Status HlsMuxer::cut(Ticks at) {
  if (auto ok = close_init(); !ok) return ok;
  if (auto ok = open_segment(); !ok) return ok;
  if (auto ok = flush(); !ok) return ok;
  const std::string name = segment_name(segments_.size() + 1, format_);
  std::string iv;
  if (auto ok = encrypt_segment(iv); !ok) return ok;
  if (auto ok = close_file(std::move(segment_), name, segment_entry(format_).media_type); !ok)
    return ok;
  segments_.push_back({segment_start_, at - segment_start_, made_.back().size, std::move(iv)});
  segment_start_ = at;
  next_cut_ = (at / length_ + 1) * length_;
  any_packet_ = false;
  segment_bytes_ = 0;
  io_.retarget(-1);
  return {};
}

Status HlsMuxer::finish() {
  const std::lock_guard lock(mutex_);
  for (auto& track : tracks_) track.ended = true;
  if (auto ok = pump(); !ok) return ok;
  if (!any_packet_ && segments_.empty()) {
    return fail(ErrorCode::kDecodeFailed, "the source gave nothing to put into segments");
  }
  if (any_packet_) {
    if (auto ok = cut(end_); !ok) return ok;
  }
  // Nothing is left for the trailer, but it frees the muxer's state.
  if (const int code = av_write_trailer(context_.format.get()); code < 0) {
    return std::unexpected(hls_error(code));
  }
  return {};
}

double HlsMuxer::longest() const {
  double longest = 1;
  for (const auto& segment : segments_) {
    longest = std::max(longest, std::round(ticks_to_seconds(segment.length)));
  }
  return longest;
}

std::string HlsMuxer::playlist(double target) const {
  char line[96];
  std::snprintf(line, sizeof line, "#EXT-X-TARGETDURATION:%d\n", static_cast<int>(target));
  std::string out = playlist_head(format_) + line +
                    "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
                    "#EXT-X-INDEPENDENT-SEGMENTS\n" +
                    segment_entry(format_).map;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (!segments_[i].iv.empty()) {
      out += "#EXT-X-KEY:METHOD=AES-128,URI=\"" + key_->uri + "\",IV=0x" + segments_[i].iv + "\n";
    }
    std::snprintf(line, sizeof line, "#EXTINF:%.6f,\n", ticks_to_seconds(segments_[i].length));
    out += line + segment_name(i + 1, format_) + "\n";
  }
  return out + "#EXT-X-ENDLIST\n";
}

double HlsMuxer::seconds() const {
  Ticks sum = 0;
  for (const auto& segment : segments_) sum += segment.length;
  return ticks_to_seconds(sum);
}

std::int64_t HlsMuxer::bytes() const {
  std::int64_t sum = 0;
  for (const auto& file : made_) sum += file.size;
  return sum;
}

std::int64_t HlsMuxer::average_rate() const {
  std::int64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment.bytes;
  const double length = seconds();
  return length > 0 ? static_cast<std::int64_t>(static_cast<double>(bytes) * 8 / length) : 0;
}

std::int64_t HlsMuxer::peak_rate() const {
  const double enough = longest() / 2;
  double peak = static_cast<double>(average_rate());
  for (std::size_t first = 0; first < segments_.size(); ++first) {
    double length = 0;
    double bits = 0;
    for (std::size_t i = first; i < segments_.size() && length < enough; ++i) {
      length += ticks_to_seconds(segments_[i].length);
      bits += static_cast<double>(segments_[i].bytes) * 8;
    }
    if (length >= enough) peak = std::max(peak, bits / length);
  }
  return static_cast<std::int64_t>(std::ceil(peak));
}

}  // namespace telecine::media
