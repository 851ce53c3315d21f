#pragma once

#include <memory>
#include <string>

#include "media/av.h"
#include "media/clock.h"
#include "task/analysis.h"
#include "task/facts.h"

namespace telecine::media {

/// What an analyser is given.
enum class Diet : std::uint8_t {
  kPictures,  ///< every picture, not turned, at most 640 px wide, 8-bit 4:2:0
  kStored,    ///< every picture as it is stored
  kSamples,   ///< some pictures, upright, in full size
  kSound,     ///< interleaved doubles, of one rate and layout throughout
};

/// One analysis at work. It is made, fed in the order of time, finished and asked for its report;
/// after an error it is only destroyed. One thread.
class Analyser {
 public:
  virtual ~Analyser() = default;
  virtual Analysis analysis() const = 0;
  virtual Diet diet() const = 0;
  virtual Status take(const AVFrame& frame, Ticks at) = 0;
  /// `end` is the end of the stream's last picture or sound.
  virtual Status finish(Ticks end) = 0;
  /// Fills its own part.
  virtual void report(AnalysisFacts& facts) const = 0;
  /// Pictures looked at closely.
  virtual int samples() const { return 0; }
};

/// The analyser for one analysis; null when this build has none. `video` may be null for sound.
/// `interval` is the time between samples.
std::unique_ptr<Analyser> make_analyser(Analysis analysis, const AnalysisOptions& options,
                                        const VideoFacts* video, Millis interval);

/// The parts of the above: each answers null for analyses that are not its own.
std::unique_ptr<Analyser> make_picture_analyser(Analysis analysis, const AnalysisOptions& options);
std::unique_ptr<Analyser> make_sample_analyser(Analysis analysis, const VideoFacts* video,
                                               Millis interval);
std::unique_ptr<Analyser> make_sound_analyser(Analysis analysis, const AnalysisOptions& options);

/// Filter text that makes a sample what a viewer of an ordinary screen sees: at most `width` px
/// wide, SAR applied, HDR toned down, 8-bit 4:2:0.
std::string viewing_filters(const VideoFacts& video, int width);

}  // namespace telecine::media
