#include "media/first_look.h"

#include <unistd.h>

#include <algorithm>

#include "media/input.h"
#include "media/nal_units.h"

namespace telecine::media {
namespace {

// The messages of encoders come before the picture.
constexpr std::int64_t kMostHeadBytes = 64 << 10;
// Of the picture's own data; its header is a few dozen bytes long.
constexpr std::size_t kMostOfSlice = 512;

bool begins_slice(std::uint8_t first) {
  constexpr unsigned kSlice = 1;
  constexpr unsigned kIdrSlice = 5;
  const unsigned type = first & 0x1fU;
  return type == kSlice || type == kIdrSlice;
}

/// The first sample up to a little of its first slice; empty when that is not found.
Bytes sample_head(const ReadIo& io, AVStream& stream) {
  const AVIndexEntry* entry = avformat_index_get_entry(&stream, 0);
  const auto count = static_cast<std::size_t>(length_size(*stream.codecpar));
  if (entry == nullptr || entry->size <= 0 || count == 0) return {};
  Bytes bytes(static_cast<std::size_t>(std::min<std::int64_t>(entry->size, kMostHeadBytes)));
  const auto got = ::pread(io.fd(), bytes.data(), bytes.size(), entry->pos);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  for (std::size_t at = 0; at + count < bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | bytes[at + i];
    const std::size_t left = bytes.size() - at - count;
    if (begins_slice(bytes[at + count])) {
      // The length is cut with the slice.
      const std::size_t kept = std::min({length, left, kMostOfSlice});
      for (std::size_t i = 0; i < count; ++i) {
        bytes[at + i] = static_cast<std::uint8_t>(kept >> 8 * (count - 1 - i));
      }
      bytes.resize(at + count + kept);
      return bytes;
    }
    if (length > left) break;
    at += count + length;
  }
  return {};
}

PacketPtr head_packet(const Bytes& bytes) {
  PacketPtr packet = make_packet();
  if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) return nullptr;
  std::ranges::copy(bytes, packet->data);
  packet->flags = AV_PKT_FLAG_KEY;
  return packet;
}

}  // namespace

bool look_at_first_picture(const ReadIo& io, AVStream& stream) {
  AVCodecParameters& codec = *stream.codecpar;
  if (codec.codec_id != AV_CODEC_ID_H264) return false;
  const Bytes head = sample_head(io, stream);
  if (head.empty()) return false;
  auto decoder = open_decoder(stream, 1);
  if (!decoder) return false;
  AVCodecContext& context = **decoder;
  context.has_b_frames = 0;  // it comes back if the parameter sets tell it
  context.error_concealment = 0;
  const PacketPtr packet = head_packet(head);
  if (!packet) return false;
  avcodec_send_packet(&context, packet.get());
  const FramePtr frame = make_frame();
  avcodec_receive_frame(&context, frame.get());
  take_av_log();  // that the picture is not whole
  if (context.pix_fmt == AV_PIX_FMT_NONE || context.width <= 0) return false;
  // Without their word on reordering, or against the index's, libavformat decodes until it can
  // guess.
  const int reordered = context.has_b_frames;
  if (reordered <= 0 || reordered < codec.video_delay) return false;
  codec.format = context.pix_fmt;
  codec.width = context.width;
  codec.height = context.height;
  codec.profile = context.profile;
  codec.level = context.level;
  codec.video_delay = reordered;
  codec.color_range = context.color_range;
  codec.color_primaries = context.color_primaries;
  codec.color_trc = context.color_trc;
  codec.color_space = context.colorspace;
  codec.chroma_location = context.chroma_sample_location;
  if (context.sample_aspect_ratio.num > 0) codec.sample_aspect_ratio = context.sample_aspect_ratio;
  return true;
}

}  // namespace telecine::media
