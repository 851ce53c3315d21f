// Analyses of some pictures: crop and the quality measures.

#include <algorithm>

#include "media/analyser.h"
#include "media/filter_chain.h"
#include "task/picture.h"

namespace telecine::media {
namespace {

/// Bars narrower than this share of a side are no bars: codecs and scalers darken edges.
constexpr double kLeastBar = 0.01;

class CropAnalyser final : public Analyser {
 public:
  CropAnalyser()
      : chain_("cropdetect=skip=0:reset=0:round=2",
               [this](const AVFrame& frame, Ticks) { return see(frame); }) {}

  Analysis analysis() const override { return Analysis::kCrop; }
  Diet diet() const override { return Diet::kSamples; }
  Status take(const AVFrame& frame, Ticks at) override {
    ++samples_;
    return chain_.push(frame, at);
  }
  Status finish(Ticks) override { return chain_.finish(); }
  void report(AnalysisFacts& facts) const override { facts.crop = crop_; }
  int samples() const override { return samples_; }

 private:
  /// The filter's edges are those of everything it has seen so far.
  Status see(const AVFrame& frame) {
    const double left = number_note(frame, "lavfi.cropdetect.x1").value_or(0);
    const double right = number_note(frame, "lavfi.cropdetect.x2").value_or(-1) + 1;
    const double top = number_note(frame, "lavfi.cropdetect.y1").value_or(0);
    const double bottom = number_note(frame, "lavfi.cropdetect.y2").value_or(-1) + 1;
    crop_.reset();
    if (right <= left || bottom <= top) return {};  // nothing but black so far
    const auto share = [](double edge, int side, bool far) {
      const double at = std::clamp(edge / side, 0.0, 1.0);
      return far ? (at > 1 - kLeastBar ? 1.0 : at) : (at < kLeastBar ? 0.0 : at);
    };
    Box box;
    box.left = share(left, frame.width, false);
    box.top = share(top, frame.height, false);
    box.width = share(right, frame.width, true) - box.left;
    box.height = share(bottom, frame.height, true) - box.top;
    if (box != Box{}) crop_ = box;
    return {};
  }

  int samples_ = 0;
  std::optional<Box> crop_;
  FilterChain chain_;
};

class Tally {
 public:
  void add(std::optional<double> mean, std::optional<double> min, std::optional<double> max) {
    if (!mean) return;
    sum_ += *mean;
    spread_.min = count_ == 0 ? min.value_or(*mean) : std::min(spread_.min, min.value_or(*mean));
    spread_.max = count_ == 0 ? max.value_or(*mean) : std::max(spread_.max, max.value_or(*mean));
    ++count_;
  }
  void add(std::optional<double> value) { add(value, value, value); }
  Spread spread() const {
    Spread out = spread_;
    out.mean = count_ == 0 ? 0 : sum_ / count_;
    return out;
  }

 private:
  Spread spread_;
  double sum_ = 0;
  int count_ = 0;
};

class QualityAnalyser final : public Analyser {
 public:
  QualityAnalyser(const VideoFacts& video, Millis interval)
      : interval_(interval),
        chain_(viewing_filters(video, 640) + ",blurdetect,blockdetect,signalstats",
               [this](const AVFrame& frame, Ticks) { return see(frame); }) {}

  Analysis analysis() const override { return Analysis::kQuality; }
  Diet diet() const override { return Diet::kSamples; }
  Status take(const AVFrame& frame, Ticks at) override {
    ++samples_;
    return chain_.push(frame, at);
  }
  Status finish(Ticks) override { return chain_.finish(); }
  void report(AnalysisFacts& facts) const override {
    facts.quality = {interval_, blur_.spread(), block_.spread(), luma_.spread(),
                     saturation_.spread()};
  }
  int samples() const override { return samples_; }

 private:
  Status see(const AVFrame& frame) {
    const auto stat = [&](const char* key) { return number_note(frame, key); };
    blur_.add(stat("lavfi.blur"));
    block_.add(stat("lavfi.block"));
    luma_.add(stat("lavfi.signalstats.YAVG"), stat("lavfi.signalstats.YMIN"),
              stat("lavfi.signalstats.YMAX"));
    saturation_.add(stat("lavfi.signalstats.SATAVG"), stat("lavfi.signalstats.SATMIN"),
                    stat("lavfi.signalstats.SATMAX"));
    return {};
  }

  Millis interval_;
  int samples_ = 0;
  Tally blur_;
  Tally block_;
  Tally luma_;
  Tally saturation_;
  FilterChain chain_;
};

}  // namespace

std::string viewing_filters(const VideoFacts& video, int width) {
  const double shrink = video.width > width ? static_cast<double>(width) / video.width : 1.0;
  const std::string scale = "scale=" + std::to_string(even(video.width * shrink)) + ":" +
                            std::to_string(even(video.height * shrink)) + ":flags=bilinear";
  const bool hdr = video.color_transfer == "smpte2084" || video.color_transfer == "arib-std-b67";
  if (!hdr) return scale + ",format=yuv420p";
  return scale + ",zscale=transferin=" + video.color_transfer +
         ":primariesin=bt2020:matrixin=bt2020nc:transfer=linear:npl=100,format=gbrpf32le,"
         "zscale=primaries=bt709,tonemap=hable:desat=0,"
         "zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv420p";
}

std::unique_ptr<Analyser> make_sample_analyser(Analysis analysis, const VideoFacts* video,
                                               Millis interval) {
  if (video == nullptr) return nullptr;
  switch (analysis) {
    case Analysis::kCrop:
      return std::make_unique<CropAnalyser>();
    case Analysis::kQuality:
      return std::make_unique<QualityAnalyser>(*video, interval);
    default:
      return nullptr;
  }
}

}  // namespace telecine::media
