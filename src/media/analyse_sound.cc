// Analyses of the sound: silence and loudness.

#include <cmath>

#include "media/analyser.h"
#include "media/filter_chain.h"

namespace telecine::media {
namespace {

/// Silence is when every channel stays below the level.
class SilenceAnalyser final : public Analyser {
 public:
  explicit SilenceAnalyser(const AnalysisOptions& options)
      : level_(std::pow(10.0, options.silence_noise / 20)),
        least_(ms_to_ticks(options.silence_duration)) {}

  Analysis analysis() const override { return Analysis::kSilence; }
  Diet diet() const override { return Diet::kSound; }
  Status take(const AVFrame& frame, Ticks at) override {
    const auto* values = reinterpret_cast<const double*>(frame.data[0]);
    const int channels = frame.ch_layout.nb_channels;
    for (int i = 0; i < frame.nb_samples; ++i) {
      bool silent = true;
      for (int c = 0; c < channels && silent; ++c) {
        silent = std::fabs(values[i * channels + c]) < level_;
      }
      if (silent == start_.has_value()) continue;
      const Ticks now = at + av_rescale(i, kTicksPerSecond, frame.sample_rate);
      if (silent) {
        start_ = now;
      } else {
        close(now);
      }
    }
    return {};
  }
  Status finish(Ticks end) override {
    close(end);
    return {};
  }
  void report(AnalysisFacts& facts) const override { facts.silence = found_; }

 private:
  void close(Ticks at) {
    if (start_ && at - *start_ >= least_) {
      found_.push_back({ticks_to_ms(*start_), ticks_to_ms(at)});
    }
    start_.reset();
  }

  double level_;
  Ticks least_;
  std::optional<Ticks> start_;
  std::vector<TimeSpan> found_;
};

class LoudnessAnalyser final : public Analyser {
 public:
  LoudnessAnalyser()
      : chain_("ebur128=peak=true:metadata=1",
               [this](const AVFrame& frame, Ticks) { return see(frame); }) {}

  Analysis analysis() const override { return Analysis::kLoudness; }
  Diet diet() const override { return Diet::kSound; }
  Status take(const AVFrame& frame, Ticks at) override { return chain_.push(frame, at); }
  Status finish(Ticks) override { return chain_.finish(); }
  void report(AnalysisFacts& facts) const override {
    if (integrated_ <= kSilence) return;
    facts.loudness.integrated = integrated_;
    facts.loudness.range = range_;
    if (peak_ > 0) facts.loudness.true_peak = 20 * std::log10(peak_);
    if (blocks_ > 0) {
      constexpr double kBelowMean = 10;  // LU, by BS.1770
      facts.loudness.threshold =
          10 * std::log10(power_ / static_cast<double>(blocks_)) + kOffset - kBelowMean;
    }
  }

 private:
  static constexpr double kSilence = -70;    // LUFS: the absolute gate
  static constexpr double kOffset = -0.691;  // of BS.1770, between power and LUFS

  /// Once every 100 ms: M is of the last 400 ms, all others of the sound so far.
  Status see(const AVFrame& frame) {
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

  double integrated_ = kSilence;
  double range_ = 0;
  double peak_ = 0;   // 1 is full scale
  double power_ = 0;  // of the blocks above the gate
  std::int64_t blocks_ = 0;
  FilterChain chain_;
};

}  // namespace

std::unique_ptr<Analyser> make_sound_analyser(Analysis analysis, const AnalysisOptions& options) {
  switch (analysis) {
    case Analysis::kSilence:
      return std::make_unique<SilenceAnalyser>(options);
    case Analysis::kLoudness:
      return std::make_unique<LoudnessAnalyser>();
    default:
      return nullptr;
  }
}

}  // namespace telecine::media
