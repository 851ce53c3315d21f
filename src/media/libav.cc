#include "media/libav.h"

#include "base/text.h"
#include "media/allow.h"

namespace telecine::media {
namespace {

std::string version_text(unsigned version) {
  return std::to_string(AV_VERSION_MAJOR(version)) + "." +
         std::to_string(AV_VERSION_MINOR(version)) + "." +
         std::to_string(AV_VERSION_MICRO(version));
}

template <typename Find>
Libav::Parts parts_named(const char* kind, std::string_view listed, bool needed, Find find) {
  Libav::Parts parts{.kind = kind, .absent = {}, .needed = needed};
  for (const auto name : split(listed, ',')) {
    if (find(std::string(name).c_str()) != nullptr)
      ++parts.present;
    else
      parts.absent.emplace_back(name);
  }
  return parts;
}

}  // namespace

Libav describe_libav() {
  constexpr std::string_view kEncoders = "libx264,aac,mjpeg,png";
  constexpr std::string_view kMuxers = "mp4,mov";
  const std::string_view whole = av_version_info();
  Libav libav;
  libav.version = whole.substr(0, whole.find_first_not_of("0123456789."));
  libav.libraries = std::string(whole) + " (avformat " + version_text(avformat_version()) +
                    ", avcodec " + version_text(avcodec_version()) + ", avfilter " +
                    version_text(avfilter_version()) + ")";
  const auto find_muxer = [](const char* name) { return av_guess_format(name, nullptr, nullptr); };
  libav.parts = {parts_named("encoders", kEncoders, true, avcodec_find_encoder_by_name),
                 parts_named("muxers", kMuxers, true, find_muxer),
                 parts_named("decoders", decoder_whitelist(), false, avcodec_find_decoder_by_name),
                 parts_named("demuxers", demuxer_whitelist(), false, av_find_input_format)};
  return libav;
}

}  // namespace telecine::media
