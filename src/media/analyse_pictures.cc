// Analyses of every picture: shots, black, freeze; and of the first ones: scan.

#include <cmath>
#include <cstdlib>
#include <deque>

#include "base/text.h"
#include "media/analyse_shots.h"
#include "media/analyser.h"
#include "media/filter_chain.h"

namespace telecine::media {
namespace {

std::string decimal(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.6f", value);
  return text;
}

/// Collects the stretches that blackdetect marks. Its own minimum is 0, so that the time of a
/// stretch is that of the pictures and not of a rounded text.
class BlackStretches {
 public:
  explicit BlackStretches(Millis least) : least_(least) {}

  static std::string filter(double pixel) {
    return "blackdetect=black_min_duration=0:pixel_black_th=" + decimal(pixel);
  }
  void see(const AVFrame& frame, Ticks at) {
    if (!note(frame, "lavfi.black_end").empty()) close(at);
    if (!note(frame, "lavfi.black_start").empty()) start_ = at;
  }
  void close(Ticks at) {
    if (start_ && at - *start_ >= ms_to_ticks(least_)) {
      found_.push_back({ticks_to_ms(*start_), ticks_to_ms(at)});
    }
    start_.reset();
  }
  const std::vector<TimeSpan>& found() const { return found_; }

 private:
  Millis least_;
  std::optional<Ticks> start_;
  std::vector<TimeSpan> found_;
};

class ShotAnalyser final : public Analyser {
 public:
  explicit ShotAnalyser(const AnalysisOptions& options)
      : cuts_(options.shot_threshold),
        black_(AnalysisOptions().black_duration),
        chain_("scdet=threshold=100," + BlackStretches::filter(AnalysisOptions().black_pixel),
               [this](const AVFrame& frame, Ticks at) { return see(frame, at); }) {}

  Analysis analysis() const override { return Analysis::kShots; }
  Diet diet() const override { return Diet::kPictures; }
  Status take(const AVFrame& frame, Ticks at) override { return chain_.push(frame, at); }
  Status finish(Ticks end) override {
    if (auto ok = chain_.finish(); !ok) return ok;
    cuts_.finish();
    black_.close(end);
    end_ = ticks_to_ms(end);
    return {};
  }
  void report(AnalysisFacts& facts) const override {
    facts.shots = shots_from(cuts_.cuts(), black_.found(), second_, end_);
  }

 private:
  Status see(const AVFrame& frame, Ticks at) {
    const Millis ms = ticks_to_ms(at);
    if (++pictures_ == 2) second_ = ms;
    cuts_.add({ms, number_note(frame, "lavfi.scd.score").value_or(0),
               number_note(frame, "lavfi.scd.mafd").value_or(0)});
    black_.see(frame, at);
    return {};
  }

  CutFinder cuts_;
  BlackStretches black_;
  std::int64_t pictures_ = 0;
  std::optional<Millis> second_;
  Millis end_ = 0;
  FilterChain chain_;
};

class BlackAnalyser final : public Analyser {
 public:
  explicit BlackAnalyser(const AnalysisOptions& options)
      : black_(options.black_duration),
        chain_(BlackStretches::filter(options.black_pixel), [this](const AVFrame& frame, Ticks at) {
          black_.see(frame, at);
          return Status();
        }) {}

  Analysis analysis() const override { return Analysis::kBlack; }
  Diet diet() const override { return Diet::kPictures; }
  Status take(const AVFrame& frame, Ticks at) override { return chain_.push(frame, at); }
  Status finish(Ticks end) override {
    if (auto ok = chain_.finish(); !ok) return ok;
    black_.close(end);
    return {};
  }
  void report(AnalysisFacts& facts) const override { facts.black = black_.found(); }

 private:
  BlackStretches black_;
  FilterChain chain_;
};

class FreezeAnalyser final : public Analyser {
 public:
  explicit FreezeAnalyser(const AnalysisOptions& options)
      : least_(ms_to_ticks(options.freeze_duration)),
        chain_("freezedetect=noise=" + decimal(options.freeze_noise) +
                   "dB:duration=" + std::to_string(options.freeze_duration) + "ms",
               [this](const AVFrame& frame, Ticks at) { return see(frame, at); }) {}

  Analysis analysis() const override { return Analysis::kFreeze; }
  Diet diet() const override { return Diet::kPictures; }
  Status take(const AVFrame& frame, Ticks at) override { return chain_.push(frame, at); }
  Status finish(Ticks end) override {
    if (auto ok = chain_.finish(); !ok) return ok;
    close(end);
    return {};
  }
  void report(AnalysisFacts& facts) const override { facts.freeze = found_; }

 private:
  Status see(const AVFrame& frame, Ticks at) {
    recent_.push_back(at);
    while (recent_.front() + least_ + kTicksPerSecond < at) recent_.pop_front();
    if (const auto start = number_note(frame, "lavfi.freezedetect.freeze_start")) {
      start_ = exact(*start);
    }
    if (!note(frame, "lavfi.freezedetect.freeze_end").empty()) close(at);
    return {};
  }

  /// The filter writes times with six digits; the picture that is meant has the right one.
  Ticks exact(double seconds) const {
    const auto told = static_cast<Ticks>(std::llround(seconds * kTicksPerSecond));
    Ticks best = told;
    Ticks least = static_cast<Ticks>(seconds * 1e-5 * kTicksPerSecond) + ms_to_ticks(1);
    for (const Ticks at : recent_) {
      if (std::abs(at - told) > least) continue;
      least = std::abs(at - told);
      best = at;
    }
    return best;
  }

  void close(Ticks at) {
    if (start_) found_.push_back({ticks_to_ms(*start_), ticks_to_ms(at)});
    start_.reset();
  }

  Ticks least_;
  std::deque<Ticks> recent_;
  std::optional<Ticks> start_;
  std::vector<TimeSpan> found_;
  FilterChain chain_;
};

class ScanAnalyser final : public Analyser {
 public:
  ScanAnalyser() : chain_("idet", [this](const AVFrame& frame, Ticks) { return see(frame); }) {}

  Analysis analysis() const override { return Analysis::kScan; }
  Diet diet() const override { return Diet::kStored; }
  Status take(const AVFrame& frame, Ticks at) override {
    constexpr int kEnough = 600;
    if (taken_ > kEnough) return {};
    if (++taken_ > kEnough) return chain_.finish();
    return chain_.push(frame, at);
  }
  Status finish(Ticks) override { return chain_.finish(); }
  void report(AnalysisFacts& facts) const override { facts.scan = scan_; }

 private:
  /// The counts go over all pictures so far.
  Status see(const AVFrame& frame) {
    const auto count = [&](const char* key) {
      return std::llround(number_note(frame, key).value_or(0));
    };
    scan_ = {count("lavfi.idet.multiple.tff"), count("lavfi.idet.multiple.bff"),
             count("lavfi.idet.multiple.progressive"), count("lavfi.idet.multiple.undetermined")};
    return {};
  }

  int taken_ = 0;
  ScanFacts scan_;
  FilterChain chain_;
};

}  // namespace

std::unique_ptr<Analyser> make_picture_analyser(Analysis analysis, const AnalysisOptions& options) {
  switch (analysis) {
    case Analysis::kShots:
      return std::make_unique<ShotAnalyser>(options);
    case Analysis::kBlack:
      return std::make_unique<BlackAnalyser>(options);
    case Analysis::kFreeze:
      return std::make_unique<FreezeAnalyser>(options);
    case Analysis::kScan:
      return std::make_unique<ScanAnalyser>();
    default:
      return nullptr;
  }
}

}  // namespace telecine::media
