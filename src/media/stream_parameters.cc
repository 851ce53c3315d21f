#include "media/stream_parameters.h"

#include <algorithm>

#include "media/adts.h"

namespace telecine::media {
namespace {

using Size = std::pair<unsigned, unsigned>;

/// Most significant bit first; zeros behind the end.
class BitReader {
 public:
  explicit BitReader(BytesView bytes) : bytes_(bytes) {}

  unsigned take(int count) {
    unsigned value = 0;
    for (; count > 0; --count, ++at_) {
      const std::size_t byte = at_ / 8;
      const unsigned bit = byte < bytes_.size() ? bytes_[byte] >> (7 - at_ % 8) & 1U : 0U;
      value = value << 1 | bit;
    }
    return value;
  }
  bool is_over() const { return at_ > bytes_.size() * 8; }

 private:
  BytesView bytes_;
  std::size_t at_ = 0;
};

std::unexpected<Error> no_header() {
  return fail(ErrorCode::kDecodeFailed, "not the header of a VP9 frame");
}

bool takes_sync_code(BitReader& in) {
  return in.take(24) == 0x498342;
}

void skip_colours(BitReader& in, unsigned profile) {
  constexpr unsigned kRgb = 7;
  const bool has_sampling = profile % 2 == 1;
  if (profile >= 2) in.take(1);
  const bool is_rgb = in.take(3) == kRgb;
  if (!is_rgb) in.take(1);
  if (has_sampling) in.take(is_rgb ? 1 : 3);
}

Size take_size(BitReader& in) {
  const unsigned width = in.take(16) + 1;
  return {width, in.take(16) + 1};
}

bool is_sequence_set(AVCodecID codec, BytesView unit) {
  const unsigned type = unit_type(codec, unit);
  if (codec == AV_CODEC_ID_H264) return type == kH264SequenceSet;
  return type == kH265VideoSet || type == kH265SequenceSet;
}

/// The payload of the first sequence header among the units of an AV1 packet; AV1 bitstream
/// specification, 5.3.
BytesView av1_sequence_header(BytesView packet) {
  constexpr unsigned kSequenceHeader = 1;
  while (!packet.empty()) {
    const unsigned head = packet[0];
    const std::size_t header = (head & 4U) != 0 ? 2 : 1;
    if ((head & 2U) == 0 || packet.size() < header) return {};
    packet = packet.subspan(header);
    std::uint64_t size = 0;
    for (int shift = 0; shift < 56; shift += 7) {
      if (packet.empty()) return {};
      const unsigned byte = packet[0];
      packet = packet.subspan(1);
      size |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) break;
    }
    if (size > packet.size()) return {};
    if ((head >> 3 & 15U) == kSequenceHeader) return packet.first(size);
    packet = packet.subspan(size);
  }
  return {};
}

}  // namespace

Result<std::optional<Size>> vp9_size(BytesView frame) {
  BitReader in(frame);
  if (in.take(2) != 2) return no_header();
  const unsigned low = in.take(1);
  const unsigned profile = low + 2 * in.take(1);
  if (profile == 3) in.take(1);
  const bool shows_existing = in.take(1) == 1;
  if (shows_existing) return std::nullopt;
  const bool is_key = in.take(1) == 0;
  const bool is_shown = in.take(1) == 1;
  const bool is_resilient = in.take(1) == 1;
  if (is_key) {
    if (!takes_sync_code(in)) return no_header();
    skip_colours(in, profile);
    return take_size(in);
  }
  const bool is_intra = !is_shown && in.take(1) == 1;
  if (!is_resilient) in.take(2);
  if (is_intra) {
    if (!takes_sync_code(in)) return no_header();
    if (profile > 0) skip_colours(in, profile);
    in.take(8);
    return take_size(in);
  }
  in.take(8 + 3 * 4);
  for (int i = 0; i < 3; ++i) {
    if (in.take(1) == 1) return std::nullopt;
  }
  if (in.is_over()) return no_header();
  return take_size(in);
}

std::vector<BytesView> vp9_frames(BytesView packet) {
  if (packet.empty()) return {};
  const unsigned marker = packet.back();
  const std::size_t count = (marker & 7U) + 1;
  const std::size_t width = (marker >> 3 & 3U) + 1;
  const std::size_t index = 2 + width * count;
  const bool has_index =
      (marker & 0xe0U) == 0xc0 && packet.size() >= index && packet[packet.size() - index] == marker;
  if (!has_index) return {packet};
  BytesView sizes = packet.last(index - 1);
  BytesView left = packet.first(packet.size() - index);
  std::vector<BytesView> frames;
  for (std::size_t i = 0; i < count; ++i, sizes = sizes.subspan(width)) {
    std::size_t size = 0;
    for (std::size_t b = 0; b < width; ++b) size |= static_cast<std::size_t>(sizes[b]) << (8 * b);
    if (size > left.size()) break;
    if (size > 0) frames.push_back(left.first(size));
    left = left.subspan(size);
  }
  return frames;
}

ParameterWatch::ParameterWatch(const AVStream& stream) : codec_(*stream.codecpar) {
  if (!has_units(codec_.codec_id)) return;
  length_size_ = length_size(codec_);
  const auto all = parameter_sets(codec_);
  if (!all) return;
  for (const BytesView unit : nal_units(*all)) {
    if (is_sequence_set(codec_.codec_id, unit)) sets_.emplace_back(unit.begin(), unit.end());
  }
}

bool ParameterWatch::stays(const AVPacket& packet) {
  const bool changes =
      av_packet_get_side_data(&packet, AV_PKT_DATA_NEW_EXTRADATA, nullptr) != nullptr ||
      av_packet_get_side_data(&packet, AV_PKT_DATA_PARAM_CHANGE, nullptr) != nullptr;
  if (changes) return false;
  const BytesView bytes{packet.data, static_cast<std::size_t>(packet.size)};
  const bool is_key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  switch (codec_.codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
      return !is_key || keeps_sets(packet);
    case AV_CODEC_ID_AV1:
      is_closed_ = is_key;
      return !is_key || keeps_sequence_header(bytes);
    case AV_CODEC_ID_VP9:
      is_closed_ = is_key;
      return keeps_size(bytes);
    case AV_CODEC_ID_AAC:
      return !is_adts(codec_) || (adts_header(bytes) && keeps_sound(bytes));
    case AV_CODEC_ID_MP3:
      return keeps_sound(bytes);
    default:
      return true;
  }
}

bool ParameterWatch::keeps_sets(const AVPacket& packet) {
  const auto plain = with_start_codes(packet, length_size_);
  if (!plain || sets_.empty()) return false;
  const BytesView bytes{(*plain)->data, static_cast<std::size_t>((*plain)->size)};
  is_closed_ = group_start(codec_.codec_id, bytes) == GroupStart::kClosed;
  return std::ranges::all_of(nal_units(bytes), [&](BytesView unit) {
    const auto is_same = [&](const Bytes& set) { return std::ranges::equal(set, unit); };
    return !is_sequence_set(codec_.codec_id, unit) || std::ranges::any_of(sets_, is_same);
  });
}

bool ParameterWatch::keeps_sequence_header(BytesView packet) {
  const BytesView header = av1_sequence_header(packet);
  if (header.empty()) return true;
  if (sequence_header_.empty()) sequence_header_.assign(header.begin(), header.end());
  return std::ranges::equal(sequence_header_, header);
}

bool ParameterWatch::keeps_size(BytesView packet) {
  return std::ranges::all_of(vp9_frames(packet), [&](BytesView frame) {
    const auto stated = vp9_size(frame);
    if (!stated || !*stated) return stated.has_value();
    if (!size_) size_ = **stated;
    return *size_ == **stated;
  });
}

// ISO/IEC 13818-7, 6.2.1 (ADTS): sync word to channels, less the home bit. ISO/IEC 11172-3,
// 2.4.1.3: sync word to layer, and the sampling rate; bit rates and kinds of stereo may vary.
bool ParameterWatch::keeps_sound(BytesView packet) {
  constexpr std::uint32_t kAdts = 0xFFFE'FDC0;
  constexpr std::uint32_t kMp3 = 0xFFFE'0C00;
  if (packet.size() < 4) return false;
  std::uint32_t head = 0;
  for (int i = 0; i < 4; ++i) head = head << 8 | packet[static_cast<std::size_t>(i)];
  const bool is_mp3 = codec_.codec_id == AV_CODEC_ID_MP3;
  const bool is_mono = (head >> 6 & 3U) == 3;
  const std::uint32_t own = is_mp3 ? (head & kMp3) | (is_mono ? 1U : 0U) : head & kAdts;
  if (!sound_) sound_ = own;
  return *sound_ == own;
}

}  // namespace telecine::media
