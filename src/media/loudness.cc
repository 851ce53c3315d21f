#include "media/loudness.h"

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

// Peaks between samples show at four times the rate. A little room is left for what resampling and
// encoding add.
constexpr auto kLimiter =
    "aresample=192000,alimiter=limit=0.871:attack=5:release=50:level=disabled";

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

Levelling levelling_for(double target, const Loudness& measured) {
  Levelling made;
  made.factor = made.change = target - measured.integrated;
  made.limits = measured.true_peak.value_or(kSilence) + made.factor > kHighestPeak;
  return made;
}

std::string level_filters(const AudioOptions& options, const AVChannelLayout& channels,
                          const std::optional<Levelling>& levelling) {
  std::string filters;
  if (options.loudness) {
    char name[128] = "";
    av_channel_layout_describe(&channels, name, sizeof name);
    filters = std::string("aformat=channel_layouts=") + name;
  }
  const double factor = options.gain + (levelling ? levelling->factor : 0);
  if (factor != 0) append(filters, volume_filter(factor));
  if (levelling && levelling->limits) append(filters, kLimiter);
  return filters;
}

}  // namespace telecine::media
