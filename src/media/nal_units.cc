#include "media/nal_units.h"

#include <algorithm>
#include <array>

namespace telecine::media {
namespace {

constexpr std::array<std::uint8_t, 4> kStartCode{0, 0, 0, 1};

// Rec. H.264, table 7-1.
constexpr unsigned kH264PictureSet = 8;
// Rec. H.265, table 7-1.
constexpr unsigned kH265FirstIrap = 16;
constexpr unsigned kH265LastIrap = 23;
constexpr unsigned kH265LastSlice = 31;

void append(Bytes& out, BytesView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_unit(Bytes& out, BytesView unit) {
  append(out, kStartCode);
  append(out, unit);
}

/// Walks through a record of an MP4's sample description.
class RecordReader {
 public:
  explicit RecordReader(BytesView bytes) : left_(bytes) {}

  unsigned byte() { return number(1); }
  unsigned number(std::size_t size) {
    unsigned value = 0;
    for (const std::uint8_t b : take(size)) value = value << 8 | b;
    return value;
  }
  BytesView take(std::size_t size) {
    if (size > left_.size()) {
      broken_ = true;
      return {};
    }
    const BytesView taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  bool broken() const { return broken_; }

 private:
  BytesView left_;
  bool broken_ = false;
};

void read_sets(RecordReader& in, unsigned count, Bytes& out) {
  for (unsigned i = 0; i < count && !in.broken(); ++i) append_unit(out, in.take(in.number(2)));
}

// ISO/IEC 14496-15, 5.3.3.1.
Bytes sets_of_h264(BytesView record) {
  RecordReader in(record);
  in.take(5);
  Bytes out;
  read_sets(in, in.byte() & 0x1fU, out);
  read_sets(in, in.byte(), out);
  return in.broken() ? Bytes() : out;
}

// ISO/IEC 14496-15, 8.3.3.1.
Bytes sets_of_h265(BytesView record) {
  RecordReader in(record);
  in.take(22);
  Bytes out;
  const unsigned arrays = in.byte();
  for (unsigned i = 0; i < arrays && !in.broken(); ++i) {
    in.take(1);
    read_sets(in, in.number(2), out);
  }
  return in.broken() ? Bytes() : out;
}

/// Bits of a unit's payload, free of the bytes that keep it from looking like a start code.
class Bits {
 public:
  explicit Bits(BytesView unit) {
    for (const std::uint8_t b : unescaped(unit)) {
      for (int bit = 7; bit >= 0; --bit) bits_.push_back((b >> bit & 1) != 0);
    }
  }

  /// The Exp-Golomb number at `at`, which moves behind it. Past the end: a number nobody has.
  unsigned number(std::size_t& at) const {
    std::size_t zeros = 0;
    while (at + zeros < bits_.size() && !bits_[at + zeros]) ++zeros;
    if (zeros > 16 || at + 2 * zeros + 1 > bits_.size()) return ~0U;
    unsigned value = 0;
    for (std::size_t i = 0; i <= zeros; ++i) value = value << 1 | (bits_[at + zeros + i] ? 1 : 0);
    at += 2 * zeros + 1;
    return value - 1;
  }

  bool flag(std::size_t& at) const {
    const bool value = at < bits_.size() && bits_[at];
    ++at;
    return value;
  }
  bool is_over(std::size_t at) const { return at >= bits_.size(); }

  void set(std::size_t at, unsigned value, std::size_t width) {
    for (std::size_t i = 0; i < width && at + i < bits_.size(); ++i) {
      bits_[at + i] = (value >> (width - 1 - i) & 1) != 0;
    }
  }

  /// An Exp-Golomb number in the place of another. Both of these numbers take nine bits and those
  /// they replace one, so that what is aligned to bytes behind them stays so.
  bool exchange(std::size_t& at, unsigned value) {
    std::size_t end = at;
    if (number(end) != 0) return false;
    constexpr std::size_t kWidth = 9;
    bits_.insert(bits_.begin() + static_cast<std::ptrdiff_t>(at), kWidth - 1, false);
    set(at, value + 1, kWidth);
    at += kWidth;
    return true;
  }

  Bytes unit() const {
    Bytes out;
    int zeros = 0;
    for (std::size_t at = 0; at + 8 <= bits_.size(); at += 8) {
      unsigned b = 0;
      for (std::size_t i = 0; i < 8; ++i) b = b << 1 | (bits_[at + i] ? 1 : 0);
      if (zeros >= 2 && b <= 3) {
        out.push_back(3);
        zeros = 0;
      }
      out.push_back(static_cast<std::uint8_t>(b));
      zeros = b == 0 ? zeros + 1 : 0;
    }
    return out;
  }

 private:
  std::vector<bool> bits_;
};

constexpr std::size_t kH265Header = 16;  // bits of a unit's header

bool renumber(Bits& bits, unsigned type) {
  std::size_t at = kH265Header;
  if (type <= kH265LastSlice) {
    at += type >= kH265FirstIrap && type <= kH265LastIrap ? 2 : 1;
    return bits.exchange(at, kOwnH265Pictures);
  }
  if (type == kH265VideoSet) bits.set(at, kOwnH265Sets, 4);
  if (type == kH265SequenceSet) {
    bits.set(at, kOwnH265Sets, 4);
    at += 8 + 96;  // its number of the video set, layers, profile and level of a single layer
    return bits.exchange(at, kOwnH265Sets);
  }
  if (type == kH265PictureSet) {
    return bits.exchange(at, kOwnH265Pictures) && bits.exchange(at, kOwnH265Sets);
  }
  return true;
}

}  // namespace

bool has_units(AVCodecID codec) {
  return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC;
}

std::vector<BytesView> nal_units(BytesView stream) {
  constexpr std::array<std::uint8_t, 3> kCode{0, 0, 1};
  std::vector<BytesView> units;
  auto at = std::ranges::search(stream, kCode).begin();
  while (at != stream.end()) {
    const auto begin = at + kCode.size();
    const auto next = std::search(begin, stream.end(), kCode.begin(), kCode.end());
    auto end = next;
    while (end != begin && *(end - 1) == 0) --end;
    if (end != begin) units.emplace_back(begin, end);
    at = next;
  }
  return units;
}

unsigned unit_type(AVCodecID codec, BytesView unit) {
  if (unit.empty()) return 0;
  return codec == AV_CODEC_ID_HEVC ? (unit[0] >> 1) & 0x3fU : unit[0] & 0x1fU;
}

Bytes unescaped(BytesView unit) {
  Bytes out;
  out.reserve(unit.size());
  int zeros = 0;
  for (const std::uint8_t b : unit) {
    const bool escapes = zeros >= 2 && b == 3;
    zeros = b == 0 ? zeros + 1 : 0;
    if (!escapes) out.push_back(b);
  }
  return out;
}

Bytes h265_profile(BytesView sequence_set) {
  // Behind the unit's header and a byte of numbers.
  constexpr std::size_t kAt = 3;
  constexpr std::size_t kSize = 12;
  const Bytes plain = unescaped(sequence_set);
  if (plain.size() < kAt + kSize) return {};
  return {plain.begin() + kAt, plain.begin() + kAt + kSize};
}

namespace {

// Rec. H.264, 7.3.2.1.1.1.
void pass_scaling_list(const Bits& bits, std::size_t& at, int size) {
  int last = 8;
  int next = 8;
  for (int i = 0; i < size && !bits.is_over(at); ++i) {
    if (next != 0) {
      const unsigned code = bits.number(at);
      const int delta =
          (code & 1U) != 0 ? static_cast<int>(code / 2 + 1) : -static_cast<int>(code / 2);
      next = (last + delta) & 0xff;
    }
    last = next == 0 ? last : next;
  }
}

// What the sets of High and its kin have in front.
void pass_formats(const Bits& bits, std::size_t& at) {
  const unsigned chroma = bits.number(at);
  if (chroma == 3) bits.flag(at);
  bits.number(at);  // depths
  bits.number(at);
  bits.flag(at);
  if (!bits.flag(at)) return;
  const int lists = chroma == 3 ? 12 : 8;
  for (int i = 0; i < lists; ++i) {
    if (bits.flag(at)) pass_scaling_list(bits, at, i < 6 ? 16 : 64);
  }
}

}  // namespace

// Rec. H.264, 7.3.2.1.1, up to frame_mbs_only_flag.
bool may_have_fields(BytesView sequence_set) {
  if (sequence_set.size() < 5) return true;
  const Bits bits(sequence_set);
  constexpr auto kPlain = std::to_array<unsigned>({66, 77, 88});
  const bool is_plain = std::ranges::find(kPlain, sequence_set[1]) != kPlain.end();
  std::size_t at = 32;
  bits.number(at);
  if (!is_plain) pass_formats(bits, at);
  bits.number(at);
  const unsigned order = bits.number(at);
  if (order == 0) bits.number(at);
  if (order == 1) {
    bits.flag(at);
    bits.number(at);
    bits.number(at);
    const unsigned cycle = bits.number(at);
    if (cycle > 255) return true;
    for (unsigned i = 0; i < cycle; ++i) bits.number(at);
  }
  bits.number(at);
  bits.flag(at);
  bits.number(at);
  bits.number(at);
  return bits.is_over(at) || !bits.flag(at);
}

int length_size(const AVCodecParameters& codec) {
  if (codec.extradata_size < 5 || codec.extradata[0] != 1) return 0;
  const int place = codec.codec_id == AV_CODEC_ID_HEVC ? 21 : 4;
  return codec.extradata_size > place ? (codec.extradata[place] & 3) + 1 : 0;
}

Result<Bytes> parameter_sets(const AVCodecParameters& codec) {
  const BytesView record(codec.extradata, static_cast<std::size_t>(codec.extradata_size));
  Bytes sets;
  if (length_size(codec) == 0) {
    for (const BytesView unit : nal_units(record)) append_unit(sets, unit);
  } else {
    sets = codec.codec_id == AV_CODEC_ID_HEVC ? sets_of_h265(record) : sets_of_h264(record);
  }
  if (sets.empty()) return fail(ErrorCode::kUnsupported, "the stream has no parameter sets");
  return sets;
}

bool lengths_add_up(BytesView packet, int length_size) {
  const auto size = static_cast<std::size_t>(length_size);
  RecordReader in(packet);
  for (std::size_t left = size == 0 ? 0 : packet.size(); left > 0 && !in.broken();) {
    left -= std::min(left, in.take(in.number(size)).size() + size);
  }
  return !in.broken();
}

Result<PacketPtr> with_start_codes(const AVPacket& packet, int length_size) {
  if (length_size == 0) return share(packet);
  Bytes out;
  RecordReader in({packet.data, static_cast<std::size_t>(packet.size)});
  out.reserve(static_cast<std::size_t>(packet.size) + 64);
  for (std::size_t left = static_cast<std::size_t>(packet.size); left > 0;) {
    const BytesView unit = in.take(in.number(static_cast<std::size_t>(length_size)));
    if (in.broken()) return fail(ErrorCode::kDecodeFailed, "a packet of the source is damaged");
    append_unit(out, unit);
    left -= unit.size() + static_cast<std::size_t>(length_size);
  }
  PacketPtr made = make_packet();
  if (av_new_packet(made.get(), static_cast<int>(out.size())) < 0 ||
      av_packet_copy_props(made.get(), &packet) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  std::ranges::copy(out, made->data);
  return made;
}

Result<Bytes> renumbered_h265(BytesView stream) {
  Bytes out;
  for (const BytesView unit : nal_units(stream)) {
    const unsigned type = unit_type(AV_CODEC_ID_HEVC, unit);
    if (type > kH265PictureSet) {
      append_unit(out, unit);
      continue;
    }
    Bits bits(unit);
    if (!renumber(bits, type)) {
      return fail(ErrorCode::kInternal, "the encoder's stream is numbered unexpectedly");
    }
    append_unit(out, bits.unit());
  }
  return out;
}

bool has_sets(AVCodecID codec, BytesView stream, unsigned pictures, unsigned sets) {
  const bool is_h265 = codec == AV_CODEC_ID_HEVC;
  return std::ranges::any_of(nal_units(stream), [&](BytesView unit) {
    if (unit_type(codec, unit) != (is_h265 ? kH265PictureSet : kH264PictureSet)) return false;
    const Bits bits(unit);
    std::size_t at = is_h265 ? kH265Header : 8;
    const unsigned number = bits.number(at);
    return number == pictures || bits.number(at) == sets;
  });
}

}  // namespace telecine::media
