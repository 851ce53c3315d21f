#include "media/source_packets.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "media/stream_parameters.h"

namespace telecine::media {
namespace {

/// Reading these takes less time than a run may stand still.
constexpr std::int64_t kMostRead = 8LL << 30;
constexpr std::size_t kMostPackets = 4'000'000;
/// A step between packets that no slow stream of pictures explains, s.
constexpr double kHole = 10;
/// Sound that is not there for longer has to be made silence, s.
constexpr double kSilence = 0.06;

/// One stream as it comes in.
class Reader {
 public:
  explicit Reader(const AVStream& stream)
      : stream_(stream),
        is_video_(stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO),
        watch_(stream) {}

  void take(const AVPacket& packet) { is_whole_ = is_whole_ && add(packet); }

  /// Nothing unless all of it can be relied on.
  std::optional<PacketList> list() {
    const bool is_complete = stream_.nb_frames <= 0 || count_ == stream_.nb_frames;
    // A container may hide a start, and nothing else.
    const bool hides_start = hidden_ == shown_from_;
    if (!is_whole_ || !is_complete || !hides_start || list_.packets.size() < 2) return std::nullopt;
    return std::move(list_);
  }

 private:
  bool add(const AVPacket& packet) {
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0 || packet.size <= 0) return false;
    if (!watch_.stays(packet) || skips_samples(packet)) return false;
    const bool has_time = packet.pts != AV_NOPTS_VALUE;
    if (!has_time && (is_video_ || packet.dts == AV_NOPTS_VALUE)) return false;
    const double shown = to_seconds(has_time ? packet.pts : packet.dts);
    auto& packets = list_.packets;
    // Before reordered pictures, Matroska's demuxer knows no time of decoding.
    const bool is_decoded_then = packet.dts == AV_NOPTS_VALUE;
    const double decoded = !is_decoded_then  ? to_seconds(packet.dts)
                           : packets.empty() ? shown
                                             : packets.back().decoded;
    const bool is_key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
    if (packets.empty() && is_video_ && (!is_key || !watch_.is_closed())) return false;
    if (!packets.empty()) {
      const double step = decoded - packets.back().decoded;
      if (step < 0 || step > kHole) return false;
      if (!is_video_ && std::abs(shown - ends_) > kSilence) return false;
    }
    ends_ = shown + to_seconds(packet.duration);
    note_hidden(packet, shown);
    packets.push_back({decoded, shown, 8.0 * packet.size, is_key, is_key && watch_.is_closed()});
    ++count_;
    return true;
  }

  /// Opus says so in its own header too, which goes along.
  bool skips_samples(const AVPacket& packet) const {
    return stream_.codecpar->codec_id != AV_CODEC_ID_OPUS && list_.packets.empty() &&
           (packet.flags & AV_PKT_FLAG_DISCARD) == 0 &&
           av_packet_get_side_data(&packet, AV_PKT_DATA_SKIP_SAMPLES, nullptr) != nullptr;
  }

  void note_hidden(const AVPacket& packet, double shown) {
    if ((packet.flags & AV_PKT_FLAG_DISCARD) != 0) {
      ++hidden_;
    } else if (hidden_ == count_) {
      list_.run_up = list_.packets.empty() ? 0 : shown - list_.packets.front().shown;
      shown_from_ = count_;
    }
  }

  double to_seconds(std::int64_t time) const {
    return static_cast<double>(time) * av_q2d(stream_.time_base);
  }

  const AVStream& stream_;
  const bool is_video_;
  ParameterWatch watch_;
  PacketList list_;
  bool is_whole_ = true;
  std::int64_t count_ = 0;
  std::int64_t hidden_ = 0;
  std::int64_t shown_from_ = 0;
  double ends_ = 0;  // of the last packet, s
};

}  // namespace

double PacketList::length() const {
  const double span = packets.back().decoded - packets.front().decoded;
  const auto count = static_cast<double>(packets.size());
  return span * count / std::max(1.0, count - 1);
}

double PacketList::mean_rate() const {
  double bits = 0;
  for (const Packet& packet : packets) bits += packet.bits;
  return bits / std::max(length(), 1e-3);
}

double PacketList::longest_gop() const {
  double longest = 0;
  double key = packets.front().decoded;
  for (const Packet& packet : packets) {
    longest = std::max(longest, packet.decoded - key);
    if (packet.is_key) key = packet.decoded;
  }
  return longest;
}

bool PacketList::fits_buffer(double rate, double buffer) const {
  double fill = 0.9 * buffer;
  double before = packets.front().decoded;
  for (const Packet& packet : packets) {
    fill = std::min(buffer, fill + (rate * (packet.decoded - before))) - packet.bits;
    before = packet.decoded;
    if (fill < 0) return false;
  }
  return true;
}

bool PacketList::has_keys_every(double step, double from) const {
  constexpr double kRounding = 0.001;  // of times in Matroska, s
  std::vector<const Packet*> order;
  order.reserve(packets.size());
  for (const Packet& packet : packets) order.push_back(&packet);
  std::ranges::sort(order, {}, &Packet::shown);
  double next = from;
  for (const Packet* packet : order) {
    if (packet->shown < next - kRounding) continue;
    if (!packet->is_closed) return false;
    while (next - kRounding <= packet->shown) next += step;
  }
  return true;
}

const PacketList* SourcePackets::of(const AVStream& stream) {
  if (!is_read_) read();
  is_read_ = true;
  const auto found = lists_.find(stream.index);
  return found == lists_.end() ? nullptr : &found->second;
}

void SourcePackets::read() {
  if (input_.size() > kMostRead) return;
  auto input = Input::open(input_.fd());
  if (!input) return;
  std::map<int, Reader> readers;
  for (unsigned i = 0; i < input->format().nb_streams; ++i) {
    AVStream& stream = input->stream(static_cast<int>(i));
    const AVMediaType type = stream.codecpar->codec_type;
    if (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO)
      readers.emplace(stream.index, stream);
    else
      stream.discard = AVDISCARD_ALL;
  }
  std::size_t count = 0;
  while (const PacketPtr packet = input->read()) {
    const auto reader = readers.find(packet->stream_index);
    if (reader != readers.end()) reader->second.take(*packet);
    if (++count > kMostPackets) return;
  }
  if (input->read_error() != 0) return;
  for (auto& [index, reader] : readers) {
    if (auto list = reader.list()) lists_.emplace(index, *std::move(list));
  }
}

}  // namespace telecine::media
