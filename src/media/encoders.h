#pragma once

#include "media/av.h"
#include "task/output.h"
#include "task/rendition.h"

namespace telecine::media {

// The tables that grow when Telecine learns a codec or a container.

/// The colours a picture was made for, as its source tagged them.
struct ColourTags {
  AVColorPrimaries primaries = AVCOL_PRI_UNSPECIFIED;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  AVColorSpace space = AVCOL_SPC_UNSPECIFIED;
};

/// Everything one encode of pictures depends on.
struct VideoSettings {
  VideoOptions options;          ///< normalised, see `normalised`
  Dimensions size;               ///< even
  AVRational frame_rate{25, 1};  ///< average of what will come
  ColourTags colour;
  int threads = 1;
};

/// `options` with every default made explicit, so that equal encodes compare equal.
VideoOptions normalised(VideoOptions options, OutputType use);
AudioOptions normalised(AudioOptions options);

struct VideoCodecEntry {
  VideoCodec codec;
  const char* encoder;  ///< libavcodec's name
  AVPixelFormat format;
  /// Translates the settings to the encoder's own fields and options.
  void (*configure)(const VideoSettings& settings, AVCodecContext& context, Dictionary& options);
  /// When scaling alone cannot make the format: what it makes, and the filters that do the rest.
  AVPixelFormat scaled = AV_PIX_FMT_NONE;
  const char* filters = nullptr;
  /// It cannot be closed before its end, but waits for ever (SVT-AV1 1.4).
  bool must_finish = false;
};
const VideoCodecEntry& entry_of(VideoCodec codec);

struct AudioCodecEntry {
  AudioCodec codec;
  const char* encoder;
  int max_channels;
};
const AudioCodecEntry& entry_of(AudioCodec codec);

struct ContainerEntry {
  Container container;
  const char* muxer;  ///< libavformat's name
  const char* extension;
  const char* media_type;
};
const ContainerEntry& entry_of(Container container);

struct ImageEntry {
  ImageFormat format;
  const char* encoder;
  AVPixelFormat pixels;
  AVColorRange range;
  /// Matrix the format implies; AVCOL_SPC_UNSPECIFIED for RGB.
  AVColorSpace space;
  const char* extension;
  const char* media_type;
};
const ImageEntry& entry_of(ImageFormat format);

/// The codec as RFC 6381 names it in playlists: "avc1.64001F", "mp4a.40.2".
std::string codec_string(const AVCodecParameters& codec);

}  // namespace telecine::media
