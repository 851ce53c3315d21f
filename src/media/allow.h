#pragma once

#include <span>
#include <string>
#include <string_view>

#include "media/av.h"

namespace telecine::media {

// What of libav a media file may reach. Everything else is refused before any of its code runs:
// libav has hundreds of parsers that nobody needs and that have never seen a hostile byte.

/// Bounds on what a file may claim.
inline constexpr unsigned kMaxStreams = 64;
inline constexpr int kMaxSide = 16384;                 ///< px
inline constexpr std::int64_t kMaxPixels = 1LL << 27;  ///< of one picture

/// Comma-separated, as libav's *_whitelist options want them.
const std::string& demuxer_whitelist();
const std::string& decoder_whitelist();

/// By any of the demuxer's names ("mov,mp4,m4a,3gp,3g2,mj2").
bool is_demuxer_allowed(const AVInputFormat& format);
/// The decoder of the allow-list for a codec, or null.
const AVCodec* allowed_decoder(AVCodecID codec);
/// The same for a stream, whose opacity it decodes as well.
const AVCodec* allowed_decoder(const AVStream& stream);

/// Whether each packet of VP8 or VP9 has another one beside it, for how opaque its picture is.
/// libav's own decoders pass over it.
bool has_opacity_beside(const AVStream& stream);

}  // namespace telecine::media
