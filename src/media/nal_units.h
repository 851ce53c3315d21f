#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/av.h"

namespace telecine::media {

/// What H.264 and H.265 streams are made of, as far as cutting and joining them needs it. Units
/// stand behind start codes here, as in a transport stream.

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

/// How a group of pictures begins.
enum class GroupStart : std::uint8_t {
  kNone,    ///< at no picture that one can begin with, or none that is known
  kClosed,  ///< nothing in the group refers to anything before it
  kOpen,    ///< pictures that are shown before its first one may refer to the group before
};

/// Whether streams of a codec are made of such units.
bool has_units(AVCodecID codec);
/// The units of a stretch of stream, each without its start code.
std::vector<BytesView> nal_units(BytesView stream);

/// What a unit holds: nal_unit_type.
unsigned unit_type(AVCodecID codec, BytesView unit);
// Rec. H.264, table 7-1, and Rec. H.265, table 7-1.
inline constexpr unsigned kH264SequenceSet = 7;
inline constexpr unsigned kH265VideoSet = 32;
inline constexpr unsigned kH265SequenceSet = 33;
inline constexpr unsigned kH265PictureSet = 34;
/// A unit without the bytes that keep its payload from looking like a start code.
Bytes unescaped(BytesView unit);
/// The 12 bytes of profile, tier and level that an H.265 sequence set tells of its whole stream, as
/// ISO/IEC 14496-15 repeats them; none when the set is too short.
Bytes h265_profile(BytesView sequence_set);

/// Whether an H.264 sequence set allows pictures of two fields, or cannot be read.
bool may_have_fields(BytesView sequence_set);

/// Bytes in which a stream's packets count their units' lengths; 0: they have start codes.
int length_size(const AVCodecParameters& codec);
/// The parameter sets that go with a stream. kUnsupported when there are none.
Result<Bytes> parameter_sets(const AVCodecParameters& codec);
/// Whether the lengths of a packet's units fill it to its end, as they do unless it is damaged.
bool lengths_add_up(BytesView packet, int length_size);
/// The packet with start codes for its lengths. kDecodeFailed when they do not add up.
Result<PacketPtr> with_start_codes(const AVPacket& packet, int length_size);

/// How the group begins whose first picture this is.
GroupStart group_start(AVCodecID codec, BytesView picture);
/// Whether decoding can begin with a packet and shows its picture at once. Some keyframes of H.264
/// only promise a whole picture some frames later; decoders hold back what comes before that.
bool is_whole_start(const AVPacket& packet, const AVCodecParameters& codec);
/// Makes a start of the kind kOpen one that decoders do not look behind. Its own bits remain; the
/// pictures shown before it must be left away.
void make_closed(Bytes& picture);

/// Parameter sets and pictures made beside others for one H.265 stream must not bear their numbers.
inline constexpr unsigned kOwnH265Sets = 15;      ///< number of the video and sequence sets
inline constexpr unsigned kOwnH265Pictures = 16;  ///< number of the picture set
/// An encoder's units, which are numbered 0, with those numbers.
Result<Bytes> renumbered_h265(BytesView stream);
/// Whether any picture set among these has the number `pictures` or names the sequence set `sets`.
bool has_sets(AVCodecID codec, BytesView stream, unsigned pictures, unsigned sets);

}  // namespace telecine::media
