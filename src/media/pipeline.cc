#include "media/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <stop_token>
#include <thread>

#include "media/probe.h"
#include "media/still.h"
#include "media/transcode.h"

namespace telecine::media {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(200);

// Several threads make files; the interface promises one at a time.
class OneAtATime : public OutputFiles {
 public:
  explicit OneAtATime(OutputFiles& files) : files_(files) {}
  Result<Fd> create(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    return files_.create(name);
  }

 private:
  OutputFiles& files_;
  std::mutex mutex_;
};

// Tells the observer how far a transcode is until it is destroyed.
class Ticker {
 public:
  Ticker(const Transcode& transcode, Observer& observer)
      : transcode_(transcode),
        observer_(observer),
        thread_([this](std::stop_token stop) { tick(stop); }) {}

  double speed() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    return wall.count() > 0 ? transcode_.seconds_done() / wall.count() : 0;
  }

 private:
  void tick(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      wake_.wait_for(lock, stop, kProgressEvery, [] { return false; });
      if (!stop.stop_requested()) observer_.on_progress(transcode_.done(), speed());
    }
  }

  const Transcode& transcode_;
  Observer& observer_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses all of the above
};

Result<MadeOutput> make_still(Input& input, const MediaFacts& source, const OutputSpec& spec,
                              OutputFiles& files) {
  const VideoFacts* video = source.main_video();
  if (video == nullptr || video->width <= 0 || video->height <= 0) {
    return fail(ErrorCode::kUnsupported, "the source has no picture to take a still from");
  }
  const AVStream& stream = input.stream(video->index);
  auto frame = grab_frame(input, stream, moment_of(spec.still.at, source.duration));
  if (!frame) return std::unexpected(frame.error());
  auto made = write_still(**frame, spec.still, {video->width, video->height}, files, spec.name);
  if (!made) return std::unexpected(made.error());
  return MadeOutput{{}, {std::move(made->file)}, std::move(made->facts), {}};
}

// Stills alone: seek to each instead of decoding everything. A source whose pictures all fail to
// decode is the source's fault, not an output's.
Result<std::vector<MadeOutput>> make_stills(int fd, Input& input, const MediaFacts& source,
                                            const Job& job, OutputFiles& files,
                                            Observer& observer) {
  if (const VideoFacts* video = source.main_video()) {
    for (unsigned i = 0; i < input.format().nb_streams; ++i) {
      if (static_cast<int>(i) != video->index)
        input.stream(static_cast<int>(i)).discard = AVDISCARD_ALL;
    }
  }
  std::vector<MadeOutput> out;
  std::vector<double> done(job.outputs.size(), 0.0);
  bool any = false;
  for (const auto& spec : job.outputs) {
    auto made = make_still(input, source, spec, files);
    if (!made && made.error().code == ErrorCode::kDecodeFailed && !out.empty()) {
      // A container that cannot seek has been read to its end: once more from the start.
      if (auto again = Input::open(fd)) made = make_still(*again, source, spec, files);
    }
    any = any || made.has_value() || made.error().code != ErrorCode::kDecodeFailed;
    out.push_back(made ? std::move(*made) : MadeOutput{made.error(), {}, {}, {}});
    done[out.size() - 1] = 1;
    observer.on_progress(done, 0);
  }
  if (!any && !out.empty()) return std::unexpected(*out.front().error);
  return out;
}

Result<Made> run_checked(int fd, const Job& job, OutputFiles& files, Observer& observer) {
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  Made made;
  made.source = probe(*input);
  if (made.source.video.empty() && made.source.audio.empty()) {
    return fail(ErrorCode::kNotMedia, "the file holds no audio or video stream");
  }
  if (auto ok = observer.on_source(made.source); !ok) return std::unexpected(ok.error());

  OneAtATime safe_files(files);
  const bool only_stills = std::ranges::all_of(
      job.outputs, [](const OutputSpec& spec) { return spec.type == OutputType::kCover; });
  if (only_stills) {
    auto stills = make_stills(fd, *input, made.source, job, safe_files, observer);
    if (!stills) return std::unexpected(stills.error());
    made.outputs = std::move(*stills);
    return made;
  }
  Transcode transcode(*input, made.source, job, safe_files);
  if (auto ok = transcode.prepare(); !ok) return std::unexpected(ok.error());
  double speed = 0;
  {
    const Ticker ticker(transcode, observer);
    if (auto ok = transcode.decode(); !ok) return std::unexpected(ok.error());
    speed = ticker.speed();
  }
  observer.on_progress(transcode.done(), speed);
  made.outputs = transcode.collect();
  return made;
}

}  // namespace

Result<Made> run(int input_fd, const Job& job, OutputFiles& files, Observer& observer) {
  try {
    return run_checked(input_fd, job, files, observer);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResourceLimit, "out of memory");
  }
}

}  // namespace telecine::media
