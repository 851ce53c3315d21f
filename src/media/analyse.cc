#include "media/analyse.h"

#include <algorithm>
#include <ctime>
#include <new>

#include "base/time.h"
#include "media/analyser.h"
#include "media/decode.h"
#include "media/filter_chain.h"
#include "media/heif.h"
#include "media/input.h"
#include "media/normalise.h"
#include "media/probe.h"

namespace telecine::media {
namespace {

constexpr int kPictureWidth = 640;
/// Longer lists are cut off, with a warning.
constexpr std::size_t kMostEntries = 10'000;

/// What this thread has had of a core, however many others wait for it.
std::int64_t thread_us() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return used.tv_sec * 1'000'000 + used.tv_nsec / 1000;
}

/// An analyser, and what has become of it.
struct AnalysisJob {
  AnalysisRun run;
  std::unique_ptr<Analyser> analyser;  // null: skipped, failed, or not in this build
  std::int64_t elapsed_us = 0;

  void fail(const Error& error) {
    run.state = AnalysisState::kFailed;
    run.error = error;
    analyser.reset();
  }
};

/// One pass over one input.
class Pass {
 public:
  Pass(Input& input, const MediaFacts& source, const AnalysisOptions& options, Observer& observer)
      : input_(input), source_(source), options_(options), observer_(observer) {}

  Result<AnalysisFacts> run() {
    choose_streams();
    make_jobs();
    open_decoders();
    read_all();
    finish();
    return collect();
  }

 private:
  void choose_streams() {
    video_ = source_.main_video();
    if (video_ != nullptr && (video_->width <= 0 || video_->height <= 0)) video_ = nullptr;
    audio_ = source_.main_audio();
    if (audio_ != nullptr && (audio_->sample_rate <= 0 || audio_->channels <= 0)) audio_ = nullptr;
    // Evenly over the clip when the interval would give too many.
    interval_ = std::max(options_.sample_interval, source_.duration / options_.max_samples);
  }

  void make_jobs() {
    for (const auto& [analysis, name] : kNames<Analysis>) {
      AnalysisJob job;
      job.run.analysis = analysis;
      const bool has_stream = is_of_sound(analysis) ? audio_ != nullptr : video_ != nullptr;
      if (!options_.wants(analysis)) {
        job.run.reason = "not_requested";
      } else if (!has_stream) {
        job.run.reason = is_of_sound(analysis) ? "no_audio" : "no_video";
      } else {
        job.analyser = make_analyser(analysis, options_, video_, interval_);
        if (!job.analyser) job.run.reason = "no_provider";
      }
      jobs_.push_back(std::move(job));
    }
  }

  bool feeds(std::initializer_list<Diet> diets) const {
    return std::ranges::any_of(jobs_, [&](const AnalysisJob& job) {
      return job.analyser && std::ranges::find(diets, job.analyser->diet()) != diets.end();
    });
  }

  void open_decoders() {
    const AVFormatContext& format = input_.format();
    const Ticks zero =
        format.start_time == AV_NOPTS_VALUE ? 0 : to_ticks(format.start_time, kMicroseconds);
    if (feeds({Diet::kPictures, Diet::kStored, Diet::kSamples})) {
      auto decoder =
          VideoDecoder::open(input_.stream(video_->index), 1, zero,
                             [this](const FramePtr& frame) { return on_picture(*frame); });
      if (decoder) {
        pictures_ = std::move(*decoder);
      } else {
        fail_all(false, decoder.error());
      }
    }
    if (feeds({Diet::kSound})) {
      auto decoder = AudioDecoder::open(
          input_.stream(audio_->index), zero,
          [this](const AVFrame& frame, Ticks at) { return on_sound(frame, at); });
      if (decoder) {
        sound_ = std::move(*decoder);
      } else {
        fail_all(true, decoder.error());
      }
    }
  }

  void fail_all(bool of_sound, const Error& error) {
    for (AnalysisJob& job : jobs_) {
      if (job.analyser && (job.analyser->diet() == Diet::kSound) == of_sound) job.fail(error);
    }
  }

  void read_all() {
    while (const PacketPtr packet = input_.read()) {
      if (pictures_ && packet->stream_index == video_->index) {
        if (auto ok = pictures_->decode(*packet); !ok) fail_all(false, ok.error());
      } else if (sound_ && packet->stream_index == audio_->index) {
        if (auto ok = sound_->decode(*packet); !ok) fail_all(true, ok.error());
      }
      if (!feeds({Diet::kPictures, Diet::kStored, Diet::kSamples, Diet::kSound})) return;
      tell_progress();
    }
    if (pictures_) {
      if (auto ok = pictures_->finish(); !ok) fail_all(false, ok.error());
    }
    if (sound_) {
      if (auto ok = sound_->finish(); !ok) fail_all(true, ok.error());
    }
  }

  void tell_progress() {
    const Millis now = steady_ms();
    if (now - told_ < kProgressEvery) return;
    told_ = now;
    const Ticks at = pictures_ ? pictures_->end() : sound_ ? sound_->end() : 0;
    const double wall = static_cast<double>(now - started_) / 1000.0;
    const double done = std::min(0.99, input_.position());
    observer_.on_progress({&done, 1}, wall > 0 ? ticks_to_seconds(at) / wall : 0);
  }

  void feed(Diet diet, const AVFrame& frame, Ticks at) {
    for (AnalysisJob& job : jobs_) {
      if (!job.analyser || job.analyser->diet() != diet) continue;
      const std::int64_t before = thread_us();
      auto ok = job.analyser->take(frame, at);
      job.elapsed_us += thread_us() - before;
      if (!ok) job.fail(ok.error());
    }
  }

  Status on_picture(const AVFrame& frame) {
    feed(Diet::kStored, frame, frame.pts);
    if (feeds({Diet::kPictures})) {
      if (!shrink_) make_shrink(frame);
      if (auto ok = shrink_->push(frame, frame.pts); !ok) return ok;
    }
    if (frame.pts < next_sample_ || samples_ >= options_.max_samples) return {};
    if (!feeds({Diet::kSamples})) return {};
    ++samples_;
    next_sample_ = frame.pts + ms_to_ticks(interval_);
    if (!upright_) make_upright();
    return upright_->push(frame, frame.pts);
  }

  /// Of one size throughout, whatever the stream changes to: the analyses must not begin anew.
  void make_shrink(const AVFrame& frame) {
    const double shrink =
        frame.width > kPictureWidth ? static_cast<double>(kPictureWidth) / frame.width : 1.0;
    const auto even = [&](int side) {
      return std::to_string(std::max(2, static_cast<int>(side * shrink) & ~1));
    };
    shrink_.emplace("scale=" + even(frame.width) + ":" + even(frame.height) +
                        ":flags=fast_bilinear,format=yuv420p",
                    [this](const AVFrame& small, Ticks at) {
                      feed(Diet::kPictures, small, at);
                      return Status();
                    });
  }

  void make_upright() {
    const std::string turn = orientation_filters(orientation_of(input_.stream(video_->index)));
    upright_.emplace(turn.empty() ? "null" : turn, [this](const AVFrame& upright, Ticks at) {
      feed(Diet::kSamples, upright, at);
      return Status();
    });
  }

  Status on_sound(const AVFrame& frame, Ticks at) {
    if (!level_) {
      std::string form =
          "aformat=sample_fmts=dbl:sample_rates=" + std::to_string(frame.sample_rate);
      char layout[128] = "";
      av_channel_layout_describe(&frame.ch_layout, layout, sizeof layout);
      const std::string_view name = layout;
      if (!name.empty() && name.find(' ') == std::string_view::npos) {
        form += ":channel_layouts=" + std::string(name);
      }
      level_.emplace(form, [this](const AVFrame& level, Ticks now) {
        feed(Diet::kSound, level, now);
        return Status();
      });
    }
    return level_->push(frame, at);
  }

  static Error nothing_decoded(const DecodeTally& tally, const char* what) {
    const std::string why = tally.last_code == 0 ? "" : ": " + tally.trouble();
    return {ErrorCode::kDecodeFailed, std::string("no ") + what + " could be decoded" + why, {}};
  }

  void finish() {
    // Some filters hold pictures back, so the stages end in the order of the flow.
    for (auto* chain : {&shrink_, &upright_}) {
      if (!*chain) continue;
      if (auto ok = (*chain)->finish(); !ok) fail_all(false, ok.error());
    }
    if (level_) {
      if (auto ok = level_->finish(); !ok) fail_all(true, ok.error());
    }
    if (pictures_ && pictures_->tally().frames == 0) {
      fail_all(false, nothing_decoded(pictures_->tally(), "picture"));
    }
    if (sound_ && sound_->tally().frames == 0) {
      fail_all(true, nothing_decoded(sound_->tally(), "sound"));
    }
    for (AnalysisJob& job : jobs_) {
      if (!job.analyser) continue;
      const bool of_sound = job.analyser->diet() == Diet::kSound;
      if (auto ok = job.analyser->finish(of_sound ? sound_->end() : pictures_->end()); !ok) {
        job.fail(ok.error());
      }
    }
  }

  Result<AnalysisFacts> collect() {
    AnalysisFacts facts;
    bool any_done = false;
    std::optional<Error> first_error;
    for (AnalysisJob& job : jobs_) {
      if (job.analyser) {
        job.run.state = AnalysisState::kDone;
        job.run.samples = job.analyser->samples();
        job.analyser->report(facts);
        any_done = true;
      }
      if (job.run.error && !first_error) first_error = job.run.error;
      job.run.elapsed = job.elapsed_us / 1000;
      facts.runs.push_back(std::move(job.run));
    }
    if (!any_done && first_error) return std::unexpected(*first_error);
    cap(facts);
    warn(facts);
    return facts;
  }

  static void cap(AnalysisFacts& facts) {
    const auto cut = [&](auto& list, std::string_view name) {
      if (list.size() <= kMostEntries) return;
      list.resize(kMostEntries);
      facts.warnings.push_back(std::string(name) + ": only the first 10000 are listed");
    };
    cut(facts.shots, "shots");
    cut(facts.black, "black");
    cut(facts.freeze, "freeze");
    cut(facts.silence, "silence");
  }

  void warn(AnalysisFacts& facts) const {
    for (const AudioFacts& audio : source_.audio) {
      if (audio_ == nullptr || !sound_ || audio.index == audio_->index) continue;
      facts.warnings.push_back("audio stream " + std::to_string(audio.index) + " was not analysed");
    }
    const auto damaged = [&](const DecodeTally& tally, const char* what) {
      if (tally.failures == 0) return;
      facts.warnings.push_back(std::to_string(tally.failures) + " damaged packets of the " + what +
                               " were passed over");
    };
    if (pictures_) damaged(pictures_->tally(), "video");
    if (sound_) damaged(sound_->tally(), "audio");
    if (input_.read_error() != 0) {
      facts.warnings.push_back("the file could not be read to its end; what follows is missing");
    }
  }

  Input& input_;
  const MediaFacts& source_;
  const AnalysisOptions& options_;
  Observer& observer_;
  const VideoFacts* video_ = nullptr;
  const AudioFacts* audio_ = nullptr;
  Millis interval_ = 0;
  std::vector<AnalysisJob> jobs_;
  std::optional<VideoDecoder> pictures_;
  std::optional<AudioDecoder> sound_;
  std::optional<FilterChain> shrink_;
  std::optional<FilterChain> upright_;
  std::optional<FilterChain> level_;
  Ticks next_sample_ = 0;
  int samples_ = 0;
  const Millis started_ = steady_ms();
  Millis told_ = 0;
};

Result<Analysed> analyse_checked(int fd, const AnalysisOptions& options, Observer& observer) {
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  Analysed out;
  out.source = probe(*input);
  if (out.source.video.empty() && out.source.audio.empty()) {
    return fail(ErrorCode::kNotMedia, "the file holds no audio or video stream");
  }
  if (auto ok = observer.on_source(out.source); !ok) return std::unexpected(ok.error());
  auto facts = Pass(*input, out.source, options, observer).run();
  if (!facts) return std::unexpected(facts.error());
  out.facts = std::move(*facts);
  return out;
}

}  // namespace

std::unique_ptr<Analyser> make_analyser(Analysis analysis, const AnalysisOptions& options,
                                        const VideoFacts* video, Millis interval) {
  if (auto made = make_picture_analyser(analysis, options)) return made;
  if (auto made = make_sample_analyser(analysis, video, interval)) return made;
  return make_sound_analyser(analysis, options);
}

Result<Analysed> analyse(int input_fd, const AnalysisOptions& options, OutputFiles& files,
                         Observer& observer) {
  try {
    const auto run = [&](int fd, Observer& hearing) {
      return analyse_checked(fd, options, hearing);
    };
    return is_heif(input_fd) ? run_on_heif(input_fd, files, observer, run)
                             : run(input_fd, observer);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
}

}  // namespace telecine::media
