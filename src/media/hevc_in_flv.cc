#include "media/hevc_in_flv.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/fs.h"

namespace telecine::media {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Unit = std::span<const std::uint8_t>;

constexpr std::array kParameterSets = {32, 33, 34};  // VPS, SPS, PPS
constexpr int kSps = 33;
constexpr std::size_t kPtlSize = 12;

bool is_start_code(Unit data, std::size_t at) {
  return at + 3 <= data.size() && data[at] == 0 && data[at + 1] == 0 && data[at + 2] == 1;
}

std::vector<Unit> units_of(Unit data) {
  std::vector<Unit> units;
  std::size_t at = 0;
  while (at < data.size() && !is_start_code(data, at)) ++at;
  while (at < data.size()) {
    const std::size_t from = at + 3;
    at = std::min(from, data.size());
    while (at < data.size() && !is_start_code(data, at)) ++at;
    std::size_t end = at;
    // A start code of four bytes takes the zero before it.
    while (end > from && data[end - 1] == 0) --end;
    if (end > from) units.push_back(data.subspan(from, end - from));
  }
  return units;
}

int type_of(Unit unit) {
  return unit[0] >> 1 & 0x3F;
}

// From the third byte of an SPS on, without emulation prevention.
Bytes profile_tier_level(Unit sps) {
  Bytes out;
  int zeros = 0;
  for (std::size_t i = 2; i < sps.size() && out.size() < 1 + kPtlSize; ++i) {
    const bool prevents = zeros >= 2 && sps[i] == 3;
    zeros = sps[i] == 0 ? zeros + 1 : 0;
    if (!prevents) out.push_back(sps[i]);
  }
  if (out.size() < 1 + kPtlSize) return {};
  out.erase(out.begin());
  return out;
}

void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_sets(Bytes& out, const std::vector<Unit>& units, int type) {
  const auto is_wanted = [type](Unit unit) { return type_of(unit) == type; };
  constexpr std::uint8_t kComplete = 0x80;
  out.push_back(static_cast<std::uint8_t>(kComplete | type));
  put16(out, static_cast<std::size_t>(std::ranges::count_if(units, is_wanted)));
  for (const Unit unit : units) {
    if (!is_wanted(unit)) continue;
    put16(out, unit.size());
    out.insert(out.end(), unit.begin(), unit.end());
  }
}

}  // namespace

Result<Bytes> hevc_record(const AVCodecParameters& codec) {
  const Unit data(codec.extradata, static_cast<std::size_t>(std::max(0, codec.extradata_size)));
  if (data.size() > 22 && data[0] == 1) return Bytes(data.begin(), data.end());
  if (codec.format != AV_PIX_FMT_YUV420P) {
    return fail(ErrorCode::kUnsupported, "flv takes H.265 of 8 bit 4:2:0 only");
  }
  const auto units = units_of(data);
  const auto sps = std::ranges::find(units, kSps, type_of);
  const Bytes ptl = sps == units.end() ? Bytes() : profile_tier_level(*sps);
  if (ptl.empty()) return fail(ErrorCode::kInternal, "the encoder gave no H.265 parameter sets");
  Bytes out{1};
  out.insert(out.end(), ptl.begin(), ptl.end());
  // No spatial segmentation, unknown parallelism, 4:2:0, 8 and 8 bit, unknown frame rate; one
  // temporal layer, nested, lengths of four bytes. Reserved bits are set.
  constexpr std::array<std::uint8_t, 9> kRest{0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F};
  out.insert(out.end(), kRest.begin(), kRest.end());
  out.push_back(kParameterSets.size());
  for (const int type : kParameterSets) put_sets(out, units, type);
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
  const Unit data(packet->data, static_cast<std::size_t>(std::max(0, packet->size)));
  if (!is_start_code(data, 0) && !(data.size() > 3 && data[0] == 0 && is_start_code(data, 1))) {
    return packet;
  }
  const auto units = units_of(data);
  std::size_t size = 0;
  for (const Unit unit : units) size += 4 + unit.size();
  PacketPtr out = make_packet();
  if (av_new_packet(out.get(), static_cast<int>(size)) < 0 ||
      av_packet_copy_props(out.get(), packet.get()) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  std::uint8_t* to = out->data;
  for (const Unit unit : units) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      *to++ = static_cast<std::uint8_t>(unit.size() >> shift);
    }
    to = std::ranges::copy(unit, to).out;
  }
  return out;
}

}  // namespace telecine::media
