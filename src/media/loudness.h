#pragma once

#include <optional>

#include "media/filter_chain.h"
#include "task/rendition.h"

namespace telecine::media {

/// What a measurement of loudness by EBU R 128 found.
struct Loudness {
  double integrated = 0;            ///< LUFS
  double range = 0;                 ///< LU
  double threshold = 0;             ///< LUFS, the gate that blocks had to pass
  std::optional<double> true_peak;  ///< dBTP
};

/// Measures the loudness of passing sound. One thread.
class LoudnessMeter {
 public:
  /// `filters` are passed before it is measured; may be empty.
  explicit LoudnessMeter(const std::string& filters = "");
  LoudnessMeter(const LoudnessMeter&) = delete;
  LoudnessMeter& operator=(const LoudnessMeter&) = delete;

  Status push(const AVFrame& frame, Ticks at) { return chain_.push(frame, at); }
  Status finish() { return chain_.finish(); }
  /// Nothing for silence.
  std::optional<Loudness> found() const;

 private:
  Status see(const AVFrame& frame);

  double integrated_;
  double range_ = 0;
  double peak_ = 0;   // 1 is full scale
  double power_ = 0;  // of the blocks above the gate
  std::int64_t blocks_ = 0;
  FilterChain chain_;
};

/// How sound that was measured is brought to a loudness.
struct Levelling {
  double factor = 0;    ///< dB
  double change = 0;    ///< dB, of the factor by the last measurement
  bool limits = false;  ///< peaks would go over, and are held below
};
Levelling levelling_for(double target, const Loudness& measured);

/// Filters for the gain, for the channels that are to be measured, and for the level; empty for
/// none of these.
std::string level_filters(const AudioOptions& options, const AVChannelLayout& channels,
                          const std::optional<Levelling>& levelling);

}  // namespace telecine::media
