#pragma once

extern "C" {
#include <libavutil/mastering_display_metadata.h>
}

#include <optional>
#include <string>

#include "media/av.h"
#include "media/treatment.h"
#include "task/output.h"
#include "task/rendition.h"

namespace telecine::media {

// The tables that grow when Telecine learns a codec or a container.

/// The colours a picture was made for, as its source tagged them.
struct ColourTags {
  AVColorPrimaries primaries = AVCOL_PRI_UNSPECIFIED;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  AVColorSpace space = AVCOL_SPC_UNSPECIFIED;
  bool operator==(const ColourTags&) const = default;
};

/// What a source of high dynamic range says of the display it was made on, and of itself.
struct HdrLight {
  std::optional<AVMasteringDisplayMetadata> display;
  std::optional<AVContentLightMetadata> content;
};

/// Everything one encode of pictures depends on.
struct VideoSettings {
  VideoOptions options;          ///< normalised, see `normalised`
  Dimensions size;               ///< even
  AVRational frame_rate{25, 1};  ///< average of what will come
  ColourTags colour;             ///< of what is encoded
  ColourTags source_colour;      ///< what the source's are, or are taken for
  std::string recolour;          ///< filters that make these from the source's; empty for none
  HdrLight light;                ///< of high dynamic range that is kept
  Treatment treatment;
  int threads = 1;
};
/// What the encoder takes.
AVPixelFormat pixel_format(const VideoSettings& settings);

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
