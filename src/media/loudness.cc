#include "media/loudness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace telecine::media {
namespace {

constexpr double kSilence = -70;     // LUFS: the absolute gate
constexpr double kOffset = -0.691;   // of BS.1770, between power and LUFS
constexpr double kHighestPeak = -1;  // dBTP, by EBU R 128

void append(std::string& filters, const std::string& more) {
  if (!filters.empty()) filters += ',';
  filters += more;
}

std::string volume_filter(double decibel) {
  char text[64];
  std::snprintf(text, sizeof text, "volume=%.3fdB:precision=float", decibel);
  return text;
}

// loudnorm counts samples and not times: what is missing is put in before.
std::string changing_filter(double target, const Loudness& measured) {
  char text[240];
  std::snprintf(text, sizeof text,
                "aresample=async=1,loudnorm=I=%.2f:TP=%.1f:LRA=%.2f:measured_I=%.2f:"
                "measured_TP=%.2f:measured_LRA=%.2f:measured_thresh=%.2f:linear=false",
                target, kHighestPeak, std::clamp(measured.range, 7.0, 20.0), measured.integrated,
                measured.true_peak.value_or(0), measured.range, measured.threshold);
  return text;
}

}  // namespace

LoudnessMeter::LoudnessMeter(const std::string& filters)
    : integrated_(kSilence),
      chain_(filters + (filters.empty() ? "" : ",") + "ebur128=peak=true:metadata=1",
             [this](const AVFrame& frame, Ticks) { return see(frame); }) {}

// Once every 100 ms: M is of the last 400 ms, all others of the sound so far.
Status LoudnessMeter::see(const AVFrame& frame) {
  const double momentary = number_note(frame, "lavfi.r128.M").value_or(kSilence);
  if (momentary > kSilence) {
    power_ += std::pow(10.0, (momentary - kOffset) / 10);
    ++blocks_;
  }
  integrated_ = number_note(frame, "lavfi.r128.I").value_or(integrated_);
  range_ = number_note(frame, "lavfi.r128.LRA").value_or(range_);
  peak_ = number_note(frame, "lavfi.r128.true_peak").value_or(peak_);
  return {};
}

std::optional<Loudness> LoudnessMeter::found() const {
  if (integrated_ <= kSilence || blocks_ == 0) return std::nullopt;
  constexpr double kBelowMean = 10;  // LU, by BS.1770
  Loudness found;
  found.integrated = integrated_;
  found.range = range_;
  found.threshold = 10 * std::log10(power_ / static_cast<double>(blocks_)) + kOffset - kBelowMean;
  if (peak_ > 0) found.true_peak = 20 * std::log10(peak_);
  return found;
}

std::string gain_filters(const AudioOptions& options, const AVChannelLayout& channels) {
  std::string filters;
  if (options.loudness) {
    char name[128] = "";
    av_channel_layout_describe(&channels, name, sizeof name);
    filters = std::string("aformat=channel_layouts=") + name;
  }
  if (options.gain != 0) append(filters, volume_filter(options.gain));
  return filters;
}

std::string level_filters(const AudioOptions& options, const AVChannelLayout& channels,
                          const std::optional<Loudness>& measured) {
  std::string filters = gain_filters(options, channels);
  if (!options.loudness || !measured) return filters;
  const double factor = *options.loudness - measured->integrated;
  const double peak = measured->true_peak.value_or(kSilence) + factor;
  append(filters, peak <= kHighestPeak ? volume_filter(factor)
                                       : changing_filter(*options.loudness, *measured));
  return filters;
}

}  // namespace telecine::media
