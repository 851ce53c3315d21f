#include "media/adts.h"

#include <algorithm>
#include <cstring>

namespace telecine::media {
namespace {

constexpr unsigned kLowComplexity = 2;  // as object type

/// ISO/IEC 14496-3, table 1.18.
constexpr std::array kRates = {96'000, 88'200, 64'000, 48'000, 44'100, 32'000, 24'000,
                               22'050, 16'000, 12'000, 11'025, 8'000,  7'350};

std::array<std::uint8_t, 2> config_of(unsigned object, unsigned rate, unsigned channels) {
  return {static_cast<std::uint8_t>(object << 3 | rate >> 1),
          static_cast<std::uint8_t>((rate & 1) << 7 | channels << 3)};
}

}  // namespace

std::optional<AdtsHeader> adts_header(BytesView packet) {
  constexpr std::size_t kSize = 7;
  constexpr std::size_t kChecksum = 2;
  if (packet.size() <= kSize + kChecksum) return std::nullopt;
  const bool is_header = packet[0] == 0xff && (packet[1] & 0xf6) == 0xf0;
  const bool has_checksum = (packet[1] & 1) == 0;
  const unsigned rate = packet[2] >> 2 & 15U;
  const unsigned channels = (packet[2] & 1U) << 2 | packet[3] >> 6;
  const unsigned more_frames = packet[6] & 3U;
  if (!is_header || rate >= kRates.size() || channels == 0 || more_frames > 0) return std::nullopt;
  return AdtsHeader{kSize + (has_checksum ? kChecksum : 0),
                    config_of((packet[2] >> 6) + 1U, rate, channels)};
}

bool is_adts(const AVCodecParameters& codec) {
  return codec.codec_id == AV_CODEC_ID_AAC && codec.extradata_size == 0;
}

Result<CodecParametersPtr> without_adts(const AVCodecParameters& codec) {
  // High efficiency is not said in the header: what is below it is of half the rate, and with
  // parametric stereo mono.
  const bool is_high = codec.profile == FF_PROFILE_AAC_HE || codec.profile == FF_PROFILE_AAC_HE_V2;
  const int rate = is_high ? codec.sample_rate / 2 : codec.sample_rate;
  const auto place = std::ranges::find(kRates, rate);
  constexpr int kMostNumbered = 6;
  int channels = codec.profile == FF_PROFILE_AAC_HE_V2 ? 1 : codec.ch_layout.nb_channels;
  if (channels == 8) channels = 7;  // the number of 7.1
  const bool is_known = place != kRates.end() && channels > 0 &&
                        (channels <= kMostNumbered || codec.ch_layout.nb_channels == 8);
  if (!is_known) {
    return fail(ErrorCode::kUnsupported, "the source's sound cannot be copied; encode the stream");
  }
  const unsigned object =
      is_high || codec.profile < 0 ? kLowComplexity : static_cast<unsigned>(codec.profile) + 1;
  const auto config = config_of(object, static_cast<unsigned>(place - kRates.begin()),
                                static_cast<unsigned>(channels));
  CodecParametersPtr bare(avcodec_parameters_alloc());
  if (!bare || avcodec_parameters_copy(bare.get(), &codec) < 0) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
  bare->extradata =
      static_cast<std::uint8_t*>(av_mallocz(config.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (bare->extradata == nullptr) return fail(ErrorCode::kResourceLimit, "out of memory");
  std::memcpy(bare->extradata, config.data(), config.size());
  bare->extradata_size = static_cast<int>(config.size());
  return bare;
}

}  // namespace telecine::media
