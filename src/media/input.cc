#include "media/input.h"

extern "C" {
#include <libavutil/avstring.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "media/allow.h"
#include "media/first_look.h"
#include "media/nal_units.h"

namespace telecine::media {
namespace {

// A broadcast stream may carry megabytes before its first keyframe; more than this is not waited
// for, whatever the file claims.
constexpr std::int64_t kProbeBytes = 20 << 20;
constexpr std::int64_t kAnalyseMicroseconds = 10'000'000;
// To recognise the container itself. Junk or tags may precede the first frame of an MP3.
constexpr int kRecogniseBytes = 1 << 20;
// Of other streams' packets, before a stream's next one.
constexpr std::size_t kLookAheadBytes = 32 << 20;

int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EPERM);
}

struct TopBox {
  unsigned type = 0;
  std::int64_t length = 0;  // with its header, as it says
  bool is_whole = false;    // within the file
};

/// The top-level boxes of an MP4, up to one whose length leads nowhere.
class BoxWalk {
 public:
  BoxWalk(AVIOContext* io, std::int64_t size) : io_(io), size_(size) {}

  std::optional<TopBox> next() {
    constexpr int kMost = 200'000;
    constexpr std::int64_t kHeader = 8;
    if (++boxes_ > kMost || at_ + kHeader > size_ || avio_seek(io_, at_, SEEK_SET) < 0) return {};
    TopBox box;
    box.length = avio_rb32(io_);
    box.type = avio_rl32(io_);
    if (box.length == 1) box.length = static_cast<std::int64_t>(avio_rb64(io_));
    box.is_whole = box.length <= size_ - at_;
    at_ = box.is_whole && box.length >= kHeader ? at_ + box.length : size_;
    return box;
  }

 private:
  AVIOContext* io_;
  const std::int64_t size_;
  std::int64_t at_ = 0;
  int boxes_ = 0;
};

// What an MP4 that cannot be read consists of.
enum class Boxes : std::uint8_t { kOther, kWithoutIndex, kStillPicture };

// To tell an upload that stopped from a file that was never a video.
Boxes boxes_of(AVIOContext* io, std::int64_t size) {
  Boxes found = Boxes::kOther;
  BoxWalk walk(io, size);
  while (const auto box = walk.next()) {
    if (box->type == MKTAG('m', 'o', 'o', 'v') && box->is_whole) return Boxes::kOther;
    if (box->type == MKTAG('m', 'e', 't', 'a')) return Boxes::kStillPicture;
    if (box->type == MKTAG('f', 't', 'y', 'p') || box->type == MKTAG('m', 'd', 'a', 't')) {
      found = Boxes::kWithoutIndex;
    }
  }
  return found;
}

/// Whether there are fragments, and the last box reaches behind the end of the file.
bool ends_in_fragment(AVIOContext* io, std::int64_t size) {
  bool any_fragment = false;
  bool is_whole = true;
  BoxWalk walk(io, size);
  while (const auto box = walk.next()) {
    any_fragment |= box->type == MKTAG('m', 'o', 'o', 'f');
    is_whole = box->is_whole;
  }
  return any_fragment && !is_whole;
}

Error not_media(std::string message) {
  return Error{ErrorCode::kNotMedia, std::move(message), {}};
}

Result<const AVInputFormat*> recognise(ReadIo& io) {
  const AVInputFormat* found = nullptr;
  const int code = av_probe_input_buffer2(io.get(), &found, "", nullptr, 0, kRecogniseBytes);
  if (code < 0 || found == nullptr) {
    return std::unexpected(not_media("the file is no audio or video this engine recognises"));
  }
  if (!is_demuxer_allowed(*found)) {
    return std::unexpected(not_media(
        std::string("the file is of kind \"") + found->name +
        "\", which is not accepted: send one self-contained media file (MP4, MOV, MKV, WebM, "
        "MPEG-TS, FLV, AVI, MP3, AAC, FLAC, Ogg, WAV), not a playlist, script or raw stream"));
  }
  return found;
}

Status check_bounds(const AVFormatContext& format) {
  if (format.nb_streams > kMaxStreams) {
    return fail(ErrorCode::kResourceLimit, "the file has " + std::to_string(format.nb_streams) +
                                               " streams; at most " + std::to_string(kMaxStreams) +
                                               " are accepted");
  }
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVCodecParameters& codec = *format.streams[i]->codecpar;
    if (codec.codec_type != AVMEDIA_TYPE_VIDEO) continue;
    if (codec.width > kMaxSide || codec.height > kMaxSide ||
        static_cast<std::int64_t>(codec.width) * codec.height > kMaxPixels) {
      return fail(ErrorCode::kResourceLimit, "the picture is " + std::to_string(codec.width) + "x" +
                                                 std::to_string(codec.height) + " px; at most " +
                                                 std::to_string(kMaxSide) +
                                                 " px a side and 134 megapixels are accepted");
    }
  }
  return {};
}

Dictionary open_options() {
  Dictionary options;
  options.set("format_whitelist", demuxer_whitelist());
  options.set("codec_whitelist", decoder_whitelist());
  options.set("protocol_whitelist", "none");
  options.set("probesize", kProbeBytes);
  options.set("analyzeduration", kAnalyseMicroseconds);
  options.set("max_streams", kMaxStreams * 2);  // beyond our bound, so that we say it, not libav
  return options;
}

}  // namespace

Result<Input> Input::open(int fd) {
  route_av_log();
  take_av_log();
  const auto size = file_size(fd);
  if (!size) return std::unexpected(size.error());
  if (*size == 0) return std::unexpected(not_media("the file is empty"));

  auto io = std::make_unique<ReadIo>(fd);
  const auto kind = recognise(*io);
  if (!kind) return std::unexpected(kind.error());

  // avformat_open_input frees the context itself when it fails.
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  raw->pb = io->get();
  raw->io_open = refuse_open;
  raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  Dictionary options = open_options();
  const int code = avformat_open_input(&raw, "", *kind, options.address());
  const bool is_mov = std::strstr((*kind)->name, "mov") != nullptr;
  if (code == AVERROR(ENOMEM)) {
    return fail(ErrorCode::kResourceLimit,
                "the file claims more streams than the " + std::to_string(kMaxStreams) +
                    " that are accepted, or longer tables than there is memory for");
  }
  if (code < 0) {
    const Boxes boxes = is_mov ? boxes_of(io->get(), io->size()) : Boxes::kOther;
    if (boxes == Boxes::kStillPicture) {
      return fail(
          ErrorCode::kUnsupported,
          "the file is a still picture of a kind that is not read here: send JPEG, PNG, WebP "
          "or AVIF");
    }
    if (boxes == Boxes::kWithoutIndex) {
      return std::unexpected(
          not_media("the file is incomplete: its index (moov) is missing. The upload or the "
                    "recording probably stopped early; send the whole file"));
    }
    return std::unexpected(av_error(code, "the file cannot be read", ErrorCode::kNotMedia));
  }
  InputFormatPtr format(raw);
  if (auto ok = check_bounds(*format); !ok) return std::unexpected(ok.error());

  // Each stream's probing decoder takes the same bounds.
  std::vector<AVDictionary*> per_stream(format->nb_streams, nullptr);
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    AVDictionary*& dict = per_stream[i];
    av_dict_set_int(&dict, "max_pixels", kMaxPixels, 0);
    av_dict_set_int(&dict, "threads", 1, 0);
    const bool is_known = is_mov && look_at_first_picture(*io, *format->streams[i]);
    if (is_known) av_dict_set(&dict, "skip_frame", "all", 0);
  }
  const unsigned announced = format->nb_streams;
  const int info = avformat_find_stream_info(format.get(), per_stream.data());
  for (unsigned i = 0; i < announced; ++i) av_dict_free(&per_stream[i]);
  if (info < 0) {
    return std::unexpected(av_error(info, "the file cannot be read", ErrorCode::kNotMedia));
  }
  if (format->nb_streams == 0) {
    return std::unexpected(not_media("the file holds no audio or video stream"));
  }
  if (auto ok = check_bounds(*format); !ok) return std::unexpected(ok.error());
  return Input(std::move(io), std::move(format));
}

PacketPtr Input::read_packet() {
  PacketPtr packet = make_packet();
  int again = 0;
  int code = av_read_frame(format_.get(), packet.get());
  // A demuxer with nothing to give yet; on a file it must not go on forever.
  while (code == AVERROR(EAGAIN) && ++again < 1000) {
    code = av_read_frame(format_.get(), packet.get());
  }
  if (code >= 0) return packet;
  read_error_ = code == AVERROR_EOF ? 0 : code;
  if (read_error_ == 0 && io_->get()->error < 0 && io_->get()->error != AVERROR_EOF) {
    read_error_ = io_->get()->error;
  }
  return nullptr;
}

PacketPtr Input::read() {
  if (ahead_.empty()) return read_packet();
  PacketPtr packet = std::move(ahead_.front());
  ahead_.pop_front();
  return packet;
}

const std::deque<PacketPtr>& Input::look_ahead(int stream, int packets, std::size_t bytes) {
  std::size_t held = 0;
  int found = 0;
  for (const auto& packet : ahead_) {
    held += static_cast<std::size_t>(packet->size);
    if (packet->stream_index == stream) ++found;
  }
  while (found < packets && held < bytes) {
    PacketPtr packet = read_packet();
    if (!packet) break;
    held += static_cast<std::size_t>(packet->size);
    if (packet->stream_index == stream) ++found;
    ahead_.push_back(std::move(packet));
  }
  return ahead_;
}

bool Input::seek(int stream, std::int64_t at) {
  ahead_.clear();
  read_error_ = 0;
  return av_seek_frame(format_.get(), stream, at, AVSEEK_FLAG_BACKWARD) >= 0;
}

bool Input::go_to(std::int64_t position) {
  ahead_.clear();
  read_error_ = 0;
  return av_seek_frame(format_.get(), -1, position, AVSEEK_FLAG_BYTE) >= 0;
}

bool Input::go_to_keyframe(int stream, std::int64_t position) {
  if (!go_to(position)) return false;
  const std::int64_t last = position + static_cast<std::int64_t>(kLookAheadBytes);
  while (avio_tell(io_->get()) < last) {
    PacketPtr packet = read_packet();
    if (!packet) return false;
    if (packet->stream_index != stream) continue;
    if (!is_whole_start(*packet, *this->stream(stream).codecpar)) continue;
    ahead_.push_back(std::move(packet));
    return true;
  }
  return false;
}

std::optional<std::int64_t> Input::next_keyframe(int stream) {
  for (const auto& packet : look_ahead(stream, 1, kLookAheadBytes)) {
    if (packet->stream_index != stream) continue;
    const std::int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    const bool is_start =
        time != AV_NOPTS_VALUE && is_whole_start(*packet, *this->stream(stream).codecpar);
    return is_start ? std::optional(time) : std::nullopt;
  }
  return std::nullopt;
}

bool Input::seeks_exactly() const {
  // Elsewhere a seek is a guess, or clocks may leap on the way.
  return av_match_list(format_->iformat->name, "mov,matroska,avi,wav", ',') != 0;
}

bool Input::seek_before(int stream, Millis at) {
  // The sound around a keyframe, and decoders that need a run-up, want a little more.
  constexpr auto kStepsBack = std::to_array<Millis>({1000, 5000, 20'000});
  if (!seeks_exactly()) return false;
  const AVRational base = this->stream(stream).time_base;
  const std::int64_t start = format_->start_time == AV_NOPTS_VALUE
                                 ? 0
                                 : av_rescale_q(format_->start_time, kMicroseconds, base);
  const std::int64_t wanted = start + av_rescale_q(at, kMilliseconds, base);
  for (const Millis back : kStepsBack) {
    const std::int64_t to =
        start + av_rescale_q(std::max<Millis>(0, at - back), kMilliseconds, base);
    if (!seek(stream, to)) return false;
    if (const auto time = next_keyframe(stream); time && *time <= wanted) return true;
  }
  return false;
}

bool Input::lacks_fragments() const {
  if (std::strstr(format_->iformat->name, "mov") == nullptr) return false;
  ReadIo io(fd());
  return ends_in_fragment(io.get(), size());
}

double Input::position() const {
  if (io_->size() <= 0) return 0;
  const double at = static_cast<double>(avio_tell(io_->get()));
  return std::clamp(at / static_cast<double>(io_->size()), 0.0, 1.0);
}

std::int64_t length_of(const AVFormatContext& format) {
  constexpr std::int64_t kLate = 1'000'000;  // us; less is the usual lead of one stream
  const bool counts_from_0 = std::strstr(format.iformat->name, "matroska") != nullptr;
  if (format.duration == AV_NOPTS_VALUE || format.start_time == AV_NOPTS_VALUE) {
    return format.duration;
  }
  const bool is_late = format.start_time >= kLate && format.duration > format.start_time;
  return counts_from_0 && is_late ? format.duration - format.start_time : format.duration;
}

Result<CodecContextPtr> open_decoder(const AVStream& stream, int threads) {
  const AVCodecID id = stream.codecpar->codec_id;
  const AVCodec* codec = allowed_decoder(stream);
  if (codec == nullptr) {
    return fail(ErrorCode::kUnsupported,
                std::string("the source's codec ") + avcodec_get_name(id) + " is not supported");
  }
  CodecContextPtr context(avcodec_alloc_context3(codec));
  if (!context) return fail(ErrorCode::kResourceLimit, "out of memory");
  int code = avcodec_parameters_to_context(context.get(), stream.codecpar);
  if (code >= 0) {
    context->pkt_timebase = stream.time_base;
    context->framerate = stream.avg_frame_rate;
    context->max_pixels = kMaxPixels;
    context->thread_count = std::max(1, threads);
    context->thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
    code = avcodec_open2(context.get(), codec, nullptr);
  }
  if (code < 0) {
    return std::unexpected(av_error(
        code, std::string("the source's ") + avcodec_get_name(id) + " stream cannot be decoded",
        ErrorCode::kDecodeFailed));
  }
  return context;
}

}  // namespace telecine::media
