#include "media/segment_file.h"

#include <unistd.h>

#include <array>
#include <cstring>

namespace telecine::media {
namespace {

constexpr std::string_view kMagic = "telecine segment 2\n";
constexpr std::size_t kBufferBytes = 1 << 18;
constexpr std::size_t kMaxExtradata = 1 << 20;
constexpr std::size_t kMaxPacket = 256 << 20;

/// Stands before each packet's bytes; the last one before a SegmentEnd.
struct PacketHead {
  std::int64_t pts = 0;
  std::int64_t dts = 0;
  std::int64_t duration = 0;
  std::uint32_t flags = 0;
  std::uint32_t size = 0;
};
constexpr std::uint32_t kLast = UINT32_MAX;  // as `size`
static_assert(sizeof(PacketHead) == 32, "no gaps: it is written as it lies in memory");

static_assert(sizeof(SegmentEnd) == 48, "the same");

/// What muxers read of a stream's parameters, beside the extradata.
struct StreamHead {
  std::int32_t codec = 0;
  std::uint32_t tag = 0;
  std::int32_t format = 0;
  std::int32_t profile = 0;
  std::int32_t level = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::int32_t field_order = 0;
  std::int32_t range = 0;
  std::int32_t primaries = 0;
  std::int32_t transfer = 0;
  std::int32_t space = 0;
  std::int32_t chroma = 0;
  std::int32_t delay = 0;
  AVRational shape{0, 1};
  AVRational rate{0, 1};
  std::int64_t bitrate = 0;
  std::uint64_t extradata = 0;
};
static_assert(sizeof(StreamHead) == 88, "no gaps: it is written as it lies in memory");

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename T>
T read_as(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

StreamHead head_of(const AVCodecParameters& codec, AVRational rate) {
  StreamHead head;
  head.codec = codec.codec_id;
  head.tag = codec.codec_tag;
  head.format = codec.format;
  head.profile = codec.profile;
  head.level = codec.level;
  head.width = codec.width;
  head.height = codec.height;
  head.field_order = codec.field_order;
  head.range = codec.color_range;
  head.primaries = codec.color_primaries;
  head.transfer = codec.color_trc;
  head.space = codec.color_space;
  head.chroma = codec.chroma_location;
  head.delay = codec.video_delay;
  head.shape = codec.sample_aspect_ratio;
  head.rate = rate;
  head.bitrate = codec.bit_rate;
  head.extradata = static_cast<std::uint64_t>(codec.extradata_size);
  return head;
}

CodecParametersPtr parameters_of(const StreamHead& head, std::string_view extradata) {
  CodecParametersPtr made(avcodec_parameters_alloc());
  if (!made) throw std::bad_alloc();
  AVCodecParameters& codec = *made;
  codec.codec_type = AVMEDIA_TYPE_VIDEO;
  codec.codec_id = static_cast<AVCodecID>(head.codec);
  codec.codec_tag = head.tag;
  codec.format = head.format;
  codec.profile = head.profile;
  codec.level = head.level;
  codec.width = head.width;
  codec.height = head.height;
  codec.field_order = static_cast<AVFieldOrder>(head.field_order);
  codec.color_range = static_cast<AVColorRange>(head.range);
  codec.color_primaries = static_cast<AVColorPrimaries>(head.primaries);
  codec.color_trc = static_cast<AVColorTransferCharacteristic>(head.transfer);
  codec.color_space = static_cast<AVColorSpace>(head.space);
  codec.chroma_location = static_cast<AVChromaLocation>(head.chroma);
  codec.video_delay = head.delay;
  codec.sample_aspect_ratio = head.shape;
  codec.bit_rate = head.bitrate;
  if (!extradata.empty()) {
    auto* copy =
        static_cast<std::uint8_t*>(av_mallocz(extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (copy == nullptr) throw std::bad_alloc();
    std::memcpy(copy, extradata.data(), extradata.size());
    codec.extradata = copy;
    codec.extradata_size = static_cast<int>(extradata.size());
  }
  return made;
}

std::unexpected<Error> broken() {
  return fail(ErrorCode::kInternal, "a segment of the encoded pictures is not whole");
}

bool same_stream(const AVCodecParameters& a, const AVCodecParameters& b) {
  return bytes_of(head_of(a, {})) == bytes_of(head_of(b, {})) &&
         (a.extradata_size == 0 ||
          std::memcmp(a.extradata, b.extradata, static_cast<std::size_t>(a.extradata_size)) == 0);
}

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(OutputFiles& files,
                                                             const std::string& name) {
  auto fd = files.create(name);
  if (!fd) return std::unexpected(fd.error());
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(*fd)));
}

Result<int> SegmentWriter::add_track(const TrackFormat& format) {
  const StreamHead head = head_of(format.codec, format.frame_rate);
  const std::string_view extradata(reinterpret_cast<const char*>(format.codec.extradata),
                                   head.extradata);
  for (const std::string_view bytes : {kMagic, bytes_of(head), extradata}) {
    if (auto ok = put(bytes); !ok) return std::unexpected(ok.error());
  }
  return 0;
}

Status SegmentWriter::write(int, PacketPtr packet) {
  const PacketHead head{packet->pts, packet->dts, packet->duration,
                        static_cast<std::uint32_t>(packet->flags),
                        static_cast<std::uint32_t>(packet->size)};
  if (auto ok = put(bytes_of(head)); !ok) return ok;
  return put({reinterpret_cast<const char*>(packet->data), head.size});
}

void SegmentWriter::note(const PictureSource& pictures, const DecodeTally& decoded) {
  end_ = {pictures.frames(), pictures.starts(), pictures.ends(),
          decoded.packets,   decoded.failures,  decoded.last_code};
}

Status SegmentWriter::finish() {
  PacketHead last;
  last.size = kLast;
  if (auto ok = put(bytes_of(last)); !ok) return ok;
  if (auto ok = put(bytes_of(end_)); !ok) return ok;
  return flush();
}

Status SegmentWriter::put(std::string_view bytes) {
  waiting_ += bytes;
  return waiting_.size() < kBufferBytes ? Status() : flush();
}

Status SegmentWriter::flush() {
  auto ok = write_whole(fd_.get(), waiting_, bytes_);
  bytes_ += static_cast<std::int64_t>(waiting_.size());
  waiting_.clear();
  return ok;
}

Result<std::string> SegmentReader::take(std::size_t count) {
  std::string out;
  while (out.size() < count) {
    if (used_ == buffer_.size()) {
      buffer_.resize(kBufferBytes);
      const auto got = ::pread(fd_.get(), buffer_.data(), buffer_.size(), at_);
      if (got <= 0) return broken();
      buffer_.resize(static_cast<std::size_t>(got));
      at_ += got;
      used_ = 0;
    }
    const std::size_t piece = std::min(count - out.size(), buffer_.size() - used_);
    out.append(buffer_, used_, piece);
    used_ += piece;
  }
  return out;
}

Result<SegmentReader> SegmentReader::open(Fd fd) {
  SegmentReader reader(std::move(fd));
  const auto magic = reader.take(kMagic.size());
  if (!magic || *magic != kMagic) return broken();
  const auto bytes = reader.take(sizeof(StreamHead));
  if (!bytes) return broken();
  const auto head = read_as<StreamHead>(*bytes);
  if (head.extradata > kMaxExtradata) return broken();
  const auto extradata = reader.take(head.extradata);
  if (!extradata) return broken();
  reader.parameters_ = parameters_of(head, *extradata);
  reader.frame_rate_ = head.rate;
  return reader;
}

Result<PacketPtr> SegmentReader::read() {
  const auto bytes = take(sizeof(PacketHead));
  if (!bytes) return std::unexpected(bytes.error());
  const auto head = read_as<PacketHead>(*bytes);
  if (head.size == kLast) {
    const auto end = take(sizeof(SegmentEnd));
    if (!end) return std::unexpected(end.error());
    end_ = read_as<SegmentEnd>(*end);
    return PacketPtr();
  }
  if (head.size > kMaxPacket) return broken();
  const auto data = take(head.size);
  if (!data) return std::unexpected(data.error());
  PacketPtr packet = make_packet();
  if (av_new_packet(packet.get(), static_cast<int>(head.size)) < 0) throw std::bad_alloc();
  std::memcpy(packet->data, data->data(), data->size());
  packet->pts = head.pts;
  packet->dts = head.dts;
  packet->duration = head.duration;
  packet->flags = static_cast<int>(head.flags);
  return packet;
}

std::string segment_name(std::size_t segment, std::size_t encode) {
  return "segment/" + std::to_string(segment) + "/" + std::to_string(encode);
}

Result<std::unique_ptr<JoinedSegments>> JoinedSegments::open(OutputFiles& files, std::size_t encode,
                                                             std::vector<std::size_t> segments,
                                                             Ticks offset) {
  if (segments.empty()) return broken();
  auto fd = files.open(segment_name(segments.front(), encode));
  if (!fd) return std::unexpected(fd.error());
  auto reader = SegmentReader::open(std::move(*fd));
  if (!reader) return std::unexpected(reader.error());
  return std::unique_ptr<JoinedSegments>(
      new JoinedSegments(files, encode, std::move(segments), offset, std::move(*reader)));
}

Status JoinedSegments::pump(Ticks until) {
  if (!begun_) {
    begun_ = true;
    if (auto ok = advance(); !ok) return ok;
  }
  while (!ended_ && (until == kForever || next_->dts + offset_ < until)) {
    send();
    if (auto ok = advance(); !ok) return ok;
  }
  return {};
}

/// To the next packet, of the next segment if need be.
Status JoinedSegments::advance() {
  while (true) {
    auto packet = reader_.read();
    if (!packet) return std::unexpected(packet.error());
    next_ = std::move(*packet);
    if (next_) return {};
    const SegmentEnd& end = reader_.end();
    tally_.packets += end.packets;
    tally_.failures += end.failures;
    if (end.failures > 0) tally_.last_code = static_cast<int>(end.last_code);
    tally_.frames += end.frames;
    if (end.frames > 0) {
      if (!start_) start_ = end.start;
      end_ = std::max(end_, end.end);
    }
    if (++place_ == segments_.size()) {
      ended_ = true;
      out_.end();
      return {};
    }
    if (auto ok = go_on(); !ok) return ok;
  }
}

Status JoinedSegments::go_on() {
  auto fd = files_.open(segment_name(segments_[place_], encode_));
  if (!fd) return std::unexpected(fd.error());
  auto reader = SegmentReader::open(std::move(*fd));
  if (!reader) return std::unexpected(reader.error());
  if (!same_stream(reader->parameters(), reader_.parameters())) {
    return fail(ErrorCode::kInternal, "the segments of the encoded pictures do not match");
  }
  reader_ = std::move(*reader);
  return {};
}

void JoinedSegments::send() {
  // Encoders count back from their first picture; where pictures come unevenly, a segment may begin
  // a little before the last one ended.
  if (last_dts_ && next_->dts <= *last_dts_) next_->dts = *last_dts_ + 1;
  last_dts_ = next_->dts;
  progress_ = next_->pts + next_->duration + offset_;
  std::vector<PacketPtr> one;
  one.push_back(std::move(next_));
  out_.send(one);
}

}  // namespace telecine::media
