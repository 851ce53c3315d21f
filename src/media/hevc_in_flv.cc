#include "media/hevc_in_flv.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fs.h"
#include "media/nal_units.h"

namespace telecine::media {
namespace {

constexpr std::array kParameterSets = {kH265VideoSet, kH265SequenceSet, kH265PictureSet};

bool is_start_code(BytesView data, std::size_t at) {
  return at + 3 <= data.size() && data[at] == 0 && data[at + 1] == 0 && data[at + 2] == 1;
}

void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_sets(Bytes& out, const std::vector<BytesView>& units, unsigned type) {
  const auto is_wanted = [type](BytesView unit) {
    return unit_type(AV_CODEC_ID_HEVC, unit) == type;
  };
  constexpr std::uint8_t kComplete = 0x80;
  out.push_back(static_cast<std::uint8_t>(kComplete | type));
  put16(out, static_cast<std::size_t>(std::ranges::count_if(units, is_wanted)));
  for (const BytesView unit : units) {
    if (!is_wanted(unit)) continue;
    put16(out, unit.size());
    out.insert(out.end(), unit.begin(), unit.end());
  }
}

}  // namespace

Result<Bytes> hevc_record(const AVCodecParameters& codec) {
  const BytesView data(codec.extradata,
                       static_cast<std::size_t>(std::max(0, codec.extradata_size)));
  if (data.size() > 22 && data[0] == 1) return Bytes(data.begin(), data.end());
  if (codec.format != AV_PIX_FMT_YUV420P) {
    return fail(ErrorCode::kUnsupported, "flv takes H.265 of 8 bit 4:2:0 only");
  }
  const auto units = nal_units(data);
  const auto sps = std::ranges::find_if(
      units, [](BytesView unit) { return unit_type(AV_CODEC_ID_HEVC, unit) == kH265SequenceSet; });
  const Bytes profile = sps == units.end() ? Bytes() : h265_profile(*sps);
  if (profile.empty())
    return fail(ErrorCode::kInternal, "the encoder gave no H.265 parameter sets");
  Bytes out{1};
  out.insert(out.end(), profile.begin(), profile.end());
  // No spatial segmentation, unknown parallelism, 4:2:0, 8 and 8 bit, unknown frame rate; one
  // temporal layer, nested, lengths of four bytes. Reserved bits are set.
  constexpr std::array<std::uint8_t, 9> kRest{0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F};
  out.insert(out.end(), kRest.begin(), kRest.end());
  out.push_back(kParameterSets.size());
  for (const unsigned type : kParameterSets) put_sets(out, units, type);
  return out;
}

Status renumber_pictures(int fd) {
  // A head of 9 bytes, and before each tag the size of the one before it; a tag's own head says in
  // 11 bytes what it is and how long. The first byte of pictures has the codec in its lower half.
  constexpr off_t kFirst = 9 + 4;
  constexpr int kHead = 11;
  constexpr std::uint8_t kPictures = 9;
  std::array<std::uint8_t, kHead + 1> tag{};
  off_t at = kFirst;
  while (::pread(fd, tag.data(), tag.size(), at) == static_cast<ssize_t>(tag.size())) {
    const off_t size = tag[1] << 16 | tag[2] << 8 | tag[3];
    if (tag[0] == kPictures && size > 0) {
      const std::uint8_t numbered = (tag[kHead] & 0xF0) | kFlvHevcNumber;
      if (::pwrite(fd, &numbered, 1, at + kHead) != 1) {
        return std::unexpected(errno_error(errno, "the output", ErrorCode::kInternal));
      }
    }
    at += kHead + size + 4;
  }
  return {};
}

Result<PacketPtr> with_lengths(PacketPtr packet) {
  const BytesView data(packet->data, static_cast<std::size_t>(std::max(0, packet->size)));
  if (!is_start_code(data, 0) && !(data.size() > 3 && data[0] == 0 && is_start_code(data, 1))) {
    return packet;
  }
  const auto units = nal_units(data);
  std::size_t size = 0;
  for (const BytesView unit : units) size += 4 + unit.size();
  PacketPtr out = make_packet();
  if (av_new_packet(out.get(), static_cast<int>(size)) < 0 ||
      av_packet_copy_props(out.get(), packet.get()) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  std::uint8_t* to = out->data;
  for (const BytesView unit : units) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      *to++ = static_cast<std::uint8_t>(unit.size() >> shift);
    }
    to = std::ranges::copy(unit, to).out;
  }
  return out;
}

}  // namespace telecine::media
