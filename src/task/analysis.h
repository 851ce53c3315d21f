#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/time.h"

namespace telecine {

/// What can be found out about a clip. Those after kQuality need recognisers that a build may lack;
/// a report says so and never makes anything up.
enum class Analysis : std::uint8_t {
  kShots,     ///< where one camera take ends and the next begins
  kBlack,     ///< stretches without a picture
  kFreeze,    ///< stretches in which nothing moves
  kCrop,      ///< black bars
  kScan,      ///< interlaced or progressive
  kSilence,   ///< stretches without sound
  kLoudness,  ///< EBU R 128
  kQuality,   ///< blur, blockiness, brightness, saturation
  kBarcodes,
  kText,
  kFaces,
  kPeople,
  kSpeech,
  kLabels,
};
template <>
inline constexpr auto kNames<Analysis> =
    std::to_array<Named<Analysis>>({{Analysis::kShots, "shots"},
                                    {Analysis::kBlack, "black"},
                                    {Analysis::kFreeze, "freeze"},
                                    {Analysis::kCrop, "crop"},
                                    {Analysis::kScan, "scan"},
                                    {Analysis::kSilence, "silence"},
                                    {Analysis::kLoudness, "loudness"},
                                    {Analysis::kQuality, "quality"},
                                    {Analysis::kBarcodes, "barcodes"},
                                    {Analysis::kText, "text"},
                                    {Analysis::kFaces, "faces"},
                                    {Analysis::kPeople, "people"},
                                    {Analysis::kSpeech, "speech"},
                                    {Analysis::kLabels, "labels"}});

constexpr bool is_of_sound(Analysis analysis) {
  return analysis == Analysis::kSilence || analysis == Analysis::kLoudness ||
         analysis == Analysis::kSpeech;
}

enum class AnalysisProfile : std::uint8_t {
  kFast,      ///< no recognisers
  kStandard,  ///< fast, barcodes, text and faces
  kFull,      ///< everything
};
template <>
inline constexpr auto kNames<AnalysisProfile> =
    std::to_array<Named<AnalysisProfile>>({{AnalysisProfile::kFast, "fast"},
                                           {AnalysisProfile::kStandard, "standard"},
                                           {AnalysisProfile::kFull, "full"}});

enum class BarcodeFormats : std::uint8_t { kCommon, kAll };
template <>
inline constexpr auto kNames<BarcodeFormats> = std::to_array<Named<BarcodeFormats>>(
    {{BarcodeFormats::kCommon, "common"}, {BarcodeFormats::kAll, "all"}});

/// What to find out, and how closely to look.
struct AnalysisOptions {
  AnalysisProfile profile = AnalysisProfile::kStandard;
  std::vector<Analysis> analyses;  ///< exactly these; empty: those of the profile
  Millis sample_interval = 1000;   ///< between the pictures that are looked at closely
  int max_samples = 600;           ///< they are spread evenly over a clip too long for the interval
  double shot_threshold = 10;      ///< 0...100: a change of this score is a cut whatever is around
  Millis black_duration = 500;     ///< shortest stretch that is reported; the same below
  double black_pixel = 0.10;       ///< 0...1: brightness up to which a pixel is black
  Millis freeze_duration = 2000;
  double freeze_noise = -60;  ///< dB: difference up to which two pictures are the same
  Millis silence_duration = 1000;
  double silence_noise = -50;  ///< dBFS: level up to which there is silence
  std::vector<std::string> languages{"eng"};
  double text_confidence = 0.75;  ///< 0...1: what is read with less is left out
  BarcodeFormats barcodes = BarcodeFormats::kCommon;

  bool wants(Analysis analysis) const;
};

/// Strict: kInvalidParameter names the member at fault. `value` is an object.
Result<AnalysisOptions> analysis_options_from(const boost::json::value& value,
                                              const std::string& path);
boost::json::object to_json(const AnalysisOptions& options);

/// Times count from the start of the file.
struct TimeSpan {
  Millis start = 0;
  Millis end = 0;
  bool operator==(const TimeSpan&) const = default;
};

struct Shot {
  TimeSpan span;
  std::optional<double> score;  ///< of the cut it begins with; none for the first and after black
  bool operator==(const Shot&) const = default;
};

/// A part of the picture a viewer sees, as fractions of it.
struct Box {
  double left = 0;
  double top = 0;
  double width = 1;
  double height = 1;
  bool operator==(const Box&) const = default;
};

/// Pictures by how they were scanned.
struct ScanFacts {
  std::int64_t top_first = 0;
  std::int64_t bottom_first = 0;
  std::int64_t progressive = 0;
  std::int64_t undetermined = 0;

  /// "progressive", "interlaced_tff", "interlaced_bff", "mixed" or "unknown".
  std::string_view type() const;
};

/// Of the whole sound. Absent members: digital silence.
struct LoudnessFacts {
  std::optional<double> integrated;  ///< LUFS
  std::optional<double> range;       ///< LU
  std::optional<double> true_peak;   ///< dBTP
  std::optional<double> threshold;   ///< LUFS: the relative gate
};

struct Spread {
  double mean = 0;
  double min = 0;
  double max = 0;
};

/// Good for comparing one clip with another; not a mark.
struct QualityFacts {
  Millis interval = 0;  ///< between the samples
  Spread blur;
  Spread blockiness;
  Spread luma;        ///< 0...255
  Spread saturation;  ///< 0...181
};

enum class AnalysisState : std::uint8_t { kDone, kSkipped, kFailed };
template <>
inline constexpr auto kNames<AnalysisState> =
    std::to_array<Named<AnalysisState>>({{AnalysisState::kDone, "done"},
                                         {AnalysisState::kSkipped, "skipped"},
                                         {AnalysisState::kFailed, "failed"}});

/// What became of one analysis.
struct AnalysisRun {
  Analysis analysis = Analysis::kShots;
  AnalysisState state = AnalysisState::kSkipped;
  /// kSkipped: "not_requested", "no_video", "no_audio" or "no_provider".
  std::string reason;
  std::optional<Error> error;  ///< kFailed
  Millis elapsed = 0;          ///< of one core, decoding not counted
  int samples = 0;             ///< pictures looked at closely; 0 where there are none
};

/// Everything found out. A list counts only when its analysis is done.
struct AnalysisFacts {
  std::vector<AnalysisRun> runs;  ///< every analysis there is, in their order
  std::vector<Shot> shots;
  std::vector<TimeSpan> black;
  std::vector<TimeSpan> freeze;
  std::optional<Box> crop;  ///< what the bars leave free; none: there are no bars
  ScanFacts scan;
  std::vector<TimeSpan> silence;
  LoudnessFacts loudness;
  QualityFacts quality;
  std::vector<std::string> warnings;

  bool is_done(Analysis analysis) const;
};

boost::json::object to_json(const AnalysisFacts& facts);
/// For documents this engine wrote.
AnalysisFacts analysis_facts_from(const boost::json::value& value);

}  // namespace telecine
