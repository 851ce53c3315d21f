// How groups of pictures begin in H.264 and H.265.

#include <algorithm>

#include "media/nal_units.h"

namespace telecine::media {
namespace {

// Rec. H.264, table 7-1.
constexpr unsigned kH264FirstSlice = 1;
constexpr unsigned kH264Idr = 5;
constexpr unsigned kH264Information = 6;
// Rec. H.264, D.1.1.
constexpr unsigned kRecoveryPoint = 6;
// Rec. H.265, table 7-1.
constexpr unsigned kH265IdrWithLeading = 19;
constexpr unsigned kH265IdrAlone = 20;
constexpr unsigned kH265BlaAlone = 18;
constexpr unsigned kH265Cra = 21;
constexpr unsigned kH265LastSliceType = 31;

/// Whether supplemental information of H.264 says that frames pass before a picture is whole.
bool is_whole_later(BytesView information) {
  const Bytes plain = unescaped(information);
  std::size_t at = 1;
  const auto number = [&] {
    std::size_t value = 0;
    while (at < plain.size() && plain[at] == 0xff) value += plain[at++];
    return at < plain.size() ? value + plain[at++] : value;
  };
  while (at < plain.size()) {
    const std::size_t kind = number();
    const std::size_t size = number();
    // A first bit that is set is the number 0 of frames.
    if (kind == kRecoveryPoint) return at < plain.size() && (plain[at] & 0x80) == 0;
    at += size;
  }
  return false;
}

}  // namespace

GroupStart group_start(AVCodecID codec, BytesView picture) {
  for (const BytesView unit : nal_units(picture)) {
    const unsigned type = unit_type(codec, unit);
    if (codec == AV_CODEC_ID_H264) {
      if (type < kH264FirstSlice || type > kH264Idr) continue;
      return type == kH264Idr ? GroupStart::kClosed : GroupStart::kNone;
    }
    if (type > kH265LastSliceType) continue;
    if (type == kH265IdrWithLeading || type == kH265IdrAlone) return GroupStart::kClosed;
    return type == kH265Cra ? GroupStart::kOpen : GroupStart::kNone;
  }
  return GroupStart::kNone;
}

bool is_whole_start(const AVPacket& packet, const AVCodecParameters& codec) {
  if ((packet.flags & AV_PKT_FLAG_KEY) == 0) return false;
  if (codec.codec_id != AV_CODEC_ID_H264) return true;
  const auto plain = with_start_codes(packet, length_size(codec));
  if (!plain) return true;  // damaged: the decoder will see
  const BytesView bytes{(*plain)->data, static_cast<std::size_t>((*plain)->size)};
  return std::ranges::none_of(nal_units(bytes), [](BytesView unit) {
    return unit_type(AV_CODEC_ID_H264, unit) == kH264Information && is_whole_later(unit);
  });
}

void make_closed(Bytes& picture) {
  for (const BytesView unit : nal_units(picture)) {
    if (unit_type(AV_CODEC_ID_HEVC, unit) != kH265Cra) continue;
    std::uint8_t& head = picture[static_cast<std::size_t>(unit.data() - picture.data())];
    head = static_cast<std::uint8_t>((head & 0x81) | kH265BlaAlone << 1);
  }
}

}  // namespace telecine::media
