// Analyses of the sound: silence and loudness.

#include <cmath>

#include "media/analyser.h"
#include "media/loudness.h"

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
  Analysis analysis() const override { return Analysis::kLoudness; }
  Diet diet() const override { return Diet::kSound; }
  Status take(const AVFrame& frame, Ticks at) override { return meter_.push(frame, at); }
  Status finish(Ticks) override { return meter_.finish(); }
  void report(AnalysisFacts& facts) const override {
    const auto found = meter_.found();
    if (!found) return;
    facts.loudness.integrated = found->integrated;
    facts.loudness.range = found->range;
    facts.loudness.true_peak = found->true_peak;
    facts.loudness.threshold = found->threshold;
  }

 private:
  LoudnessMeter meter_;
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
