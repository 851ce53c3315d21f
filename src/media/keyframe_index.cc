#include "media/keyframe_index.h"

#include <algorithm>

#include "media/clock_leaps.h"
#include "media/decode.h"
#include "media/nal_units.h"
#include "media/span.h"

namespace telecine::media {
namespace {

// What is behind these, half a day of 60 a second, has no keyframes here.
constexpr std::size_t kMostPackets = 3'000'000;
constexpr std::size_t kMostLeaps = 1000;
// Packets between two signs that the reading goes on.
constexpr int kHeardEvery = 4096;
// Compared to be sure that reading from a place gives what reading all gave.
constexpr std::size_t kAlike = 8;
// Of all streams, meanwhile.
constexpr int kMostPassed = 20'000;
// Of the work: reading, before cuts are tried.
constexpr double kReading = 0.8;
// A clock is looked at so far behind what is read.
constexpr Ticks kBehind = 60LL * kTicksPerSecond;

std::int64_t time_of(const AVPacket& packet) {
  return packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
}

/// Others than those that the stream began with, which some say again.
bool brings_parameters(const AVPacket& packet, const AVCodecParameters& codec) {
  std::size_t size = 0;
  const auto* data = av_packet_get_side_data(&packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
  if (data == nullptr) return false;
  const auto known = static_cast<std::size_t>(std::max(0, codec.extradata_size));
  return !std::equal(data, data + size, codec.extradata, codec.extradata + known);
}

}  // namespace

std::optional<KeyframeIndex> KeyframeIndex::read(const Input& source, int stream, Ticks zero,
                                                 const Uses& uses, const Heard& heard) {
  auto input = Input::open(source.fd());
  if (!input) return std::nullopt;
  const auto count = std::min(input->format().nb_streams, source.format().nb_streams);
  for (unsigned i = 0; i < count; ++i) {
    input->format().streams[i]->discard = source.format().streams[i]->discard;
  }
  KeyframeIndex index(std::move(*input), stream, zero, heard);
  if (!index.read_packets(uses)) return std::nullopt;
  return index;
}

bool KeyframeIndex::read_packets(const Uses& uses) {
  ClockLeaps clocks(input_.format());
  const AVCodecParameters& codec = *input_.stream(stream_).codecpar;
  const AVRational base = input_.stream(stream_).time_base;
  std::int64_t position = 0;
  leaps_.push_back({{}, 0});
  for (int count = 0; const PacketPtr packet = input_.read(); ++count) {
    if (count % kHeardEvery == 0) heard_(kReading * input_.position());
    const bool is_picture = packet->stream_index == stream_;
    const std::int64_t time = time_of(*packet);
    if (uses(input_.stream(packet->stream_index))) clocks.follow(*packet);
    if (!is_picture) continue;
    const bool is_new_place = packet->pos > position;
    position = std::max(position, packet->pos);
    const std::int64_t corrected = time_of(*packet);
    if (corrected == AV_NOPTS_VALUE) continue;
    const Ticks shown = to_ticks(corrected, base) - zero_;
    const Ticks jump = clocks.jump_of(stream_);
    if (jump != leaps_.back().from.jump) leaps_.push_back({{position, jump}, shown});
    if (leaps_.size() > kMostLeaps) return false;
    // Whoever begins behind these would not know them.
    if (brings_parameters(*packet, codec) || packets_.size() == kMostPackets) break;
    const bool is_key = is_new_place && is_whole_start(*packet, codec);
    if (is_key && (keys_.empty() || shown > keys_.back().shown)) {
      keys_.push_back({shown, position, packets_.size()});
    }
    packets_.push_back({time, packet->size});
    end_ = std::max(end_, shown + to_ticks(std::max<std::int64_t>(0, packet->duration), base));
  }
  return true;
}

KeyframeIndex::Keyframe* KeyframeIndex::find(Ticks at) {
  auto key = std::ranges::upper_bound(keys_, at, {}, &Keyframe::shown);
  for (int tries = 0; tries < kTries && key != keys_.begin(); ++tries) {
    --key;
    if (!key->begins) key->begins = can_begin_with(*key);
    if (*key->begins) return &*key;
  }
  return nullptr;
}

Ticks KeyframeIndex::before(Ticks at) {
  const Keyframe* key = find(at);
  return key == nullptr ? 0 : key->shown;
}

bool KeyframeIndex::is_near_start(Ticks at) {
  return find(at) != nullptr || keys_.empty() || at < keys_.front().shown;
}

std::vector<Waypoint> KeyframeIndex::way(Ticks from, Ticks to) {
  const Keyframe* key = find(from);
  return way_from(key == nullptr ? 0 : key->position, to);
}

std::vector<Waypoint> KeyframeIndex::way_from(std::int64_t position, Ticks to) const {
  std::vector<Waypoint> way = {{position, 0}};
  for (const Leap& leap : leaps_) {
    if (leap.from.position <= position)
      way.front().jump = leap.from.jump;
    else if (to == kForever || leap.at < to + kBehind)
      way.push_back(leap.from);
  }
  return way;
}

// As whoever encodes a segment will do it.
bool KeyframeIndex::can_begin_with(const Keyframe& key) {
  constexpr Ticks kRounding = kTicksPerSecond / 1000;
  heard_(kReading + (1 - kReading) * static_cast<double>(key.position) /
                        static_cast<double>(std::max<std::int64_t>(1, input_.size())));
  if (!input_.go_to_keyframe(stream_, key.position)) return false;
  ClockLeaps clocks(input_.format(), way_from(key.position, key.shown));
  bool is_shown = false;
  auto decoder =
      VideoDecoder::open(input_.stream(stream_), 1, zero_, [&](const FramePtr& frame) -> Status {
        is_shown |= is_undamaged(*frame) && std::abs(frame->pts - key.shown) <= kRounding;
        return {};
      });
  if (!decoder) return false;
  const std::size_t most = std::min<std::size_t>(kMostHeldBack, packets_.size() - key.place);
  int passed = 0;
  for (std::size_t i = 0; i < most && (i < kAlike || !is_shown);) {
    const PacketPtr packet = input_.read();
    if (!packet || ++passed > kMostPassed) return false;
    if (packet->stream_index != stream_) continue;
    const std::int64_t time = time_of(*packet);
    if (time == AV_NOPTS_VALUE) continue;
    const Packet& known = packets_[key.place + i];
    // Before the first one there may be what is left of the picture before it.
    if (time != known.time || (i > 0 && packet->size != known.size)) return false;
    clocks.follow(*packet);
    if (!decoder->decode(*packet)) return false;
    ++i;
  }
  return decoder->finish() && is_shown;
}

}  // namespace telecine::media
