#include "media/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <stop_token>
#include <thread>

#include "media/heif.h"
#include "media/join.h"
#include "media/keyframe_parts.h"
#include "media/picture_set.h"
#include "media/probe.h"
#include "media/transcode.h"

namespace telecine::media {
namespace {

// Several threads make files; the interface promises one at a time.
class OneAtATime : public OutputFiles {
 public:
  explicit OneAtATime(OutputFiles& files) : files_(files) {}
  Result<Fd> create(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    return files_.create(name);
  }
  Result<Fd> open(const std::string& asset) override {
    const std::lock_guard lock(mutex_);
    return files_.open(asset);
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
        thread_([this](const std::stop_token& stop) { tick(stop); }) {}

  double speed() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    return wall.count() > 0 ? transcode_.seconds_done() / wall.count() : 0;
  }

 private:
  void tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      wake_.wait_for(lock, stop, std::chrono::milliseconds(kProgressEvery), [] { return false; });
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

/// Outputs that are made by seeking to each picture. Several stills in one group of pictures cost
/// its decoding several times, so many of them in a short source are better taken in passing.
constexpr Millis kWorthSeeking = 5000;
constexpr std::size_t kFewStills = 4;
// Parts that begin sooner are reached as fast by decoding.
constexpr Millis kLongWayIn = 10'000;

bool worth_seeking(const Job& job, const MediaFacts& source) {
  std::size_t stills = 0;
  for (const auto& spec : job.outputs) {
    if (!takes_pictures(spec)) return false;
    if (const auto moments = moments_of(spec, source.duration)) stills += moments->size();
  }
  return stills <= kFewStills || static_cast<Millis>(stills) * kWorthSeeking <= source.duration;
}

/// Stills alone, by seeking. A source whose pictures all fail to decode is the source's fault, not
/// an output's.
class Stills {
 public:
  Stills(int fd, Input& input, const MediaFacts& source, const Job& job, OutputFiles& files,
         Observer& observer)
      : fd_(fd),
        input_(input),
        source_(source),
        job_(job),
        files_(files),
        observer_(observer),
        done_(job.outputs.size(), 0.0) {}

  Result<std::vector<MadeOutput>> make() {
    if (const VideoFacts* video = source_.main_video()) {
      for (unsigned i = 0; i < input_.format().nb_streams; ++i) {
        if (static_cast<int>(i) != video->index)
          input_.stream(static_cast<int>(i)).discard = AVDISCARD_ALL;
      }
    }
    std::vector<MadeOutput> out;
    bool any = false;
    for (std::size_t i = 0; i < job_.outputs.size(); ++i) {
      auto made = make_output(job_.outputs[i], i);
      any = any || made.has_value() || made.error().code != ErrorCode::kDecodeFailed;
      out.push_back(made ? std::move(*made) : MadeOutput{made.error(), {}, {}, {}});
      report(i, 1);
    }
    if (!any && !out.empty()) return std::unexpected(*out.front().error);
    return out;
  }

 private:
  Result<MadeOutput> make_output(const OutputSpec& spec, std::size_t index) {
    const VideoFacts* video = source_.main_video();
    if (video == nullptr || video->width <= 0 || video->height <= 0) {
      return fail(ErrorCode::kUnsupported, "the source has no picture to take a still from");
    }
    auto pictures = PictureSet::plan(spec, {video->width, video->height}, source_.duration, files_);
    if (!pictures) return std::unexpected(pictures.error());
    const std::size_t count = pictures->moments().size();
    for (std::size_t place = 0; place < count; ++place) {
      auto frame = grab(pictures->moments()[place], video->index);
      // One to choose from, as long as another is.
      const bool may_lack = pictures->chooses() && (pictures->any() || place + 1 < count);
      if (!frame && may_lack && frame.error().code == ErrorCode::kDecodeFailed) continue;
      if (!frame) return std::unexpected(frame.error());
      if (auto ok = pictures->take(place, **frame); !ok) return std::unexpected(ok.error());
      report(index, static_cast<double>(place + 1) / static_cast<double>(count));
    }
    return pictures->finish();
  }

  Result<FramePtr> grab(Millis at, int stream) {
    auto frame = grab_frame(input_, input_.stream(stream), at);
    if (!frame && frame.error().code == ErrorCode::kDecodeFailed && grabbed_) {
      // A container that cannot seek has been read to its end: once more from the start.
      if (auto again = Input::open(fd_)) frame = grab_frame(*again, again->stream(stream), at);
    }
    grabbed_ = true;
    return frame;
  }

  void report(std::size_t output, double done) {
    done_[output] = done;
    observer_.on_progress(done_, 0);
  }

  const int fd_;
  Input& input_;
  const MediaFacts& source_;
  const Job& job_;
  OutputFiles& files_;
  Observer& observer_;
  std::vector<double> done_;
  bool grabbed_ = false;
};

/// The first moment of the source that any output needs.
Millis first_need(const Job& job, const MediaFacts& source) {
  Millis first = source.duration;
  for (const auto& spec : job.outputs) {
    if (takes_pictures(spec)) {
      const auto moments = moments_of(spec, source.duration);
      if (moments) first = std::min(first, std::ranges::min(*moments));
    } else if (const auto part = part_of(spec, source.duration)) {
      first = std::min(first, part->start);
    }
  }
  return std::max<Millis>(0, first);
}

/// Goes to where the first output begins, if that is far in and the file allows it. Gives the
/// moment from which on everything will be decoded.
Result<Millis> skip_ahead(int fd, Input& input, const Job& job, const MediaFacts& source) {
  const Millis from = first_need(job, source);
  const VideoFacts* video = source.main_video();
  const AudioFacts* audio = source.main_audio();
  if (from < kLongWayIn || (video == nullptr && audio == nullptr)) return 0;
  if (input.seek_before(video != nullptr ? video->index : audio->index, from)) return from;
  auto again = Input::open(fd);
  if (!again) return std::unexpected(again.error());
  input = std::move(*again);
  return 0;
}

Result<Made> run_checked(int fd, const Job& job, OutputFiles& files, Observer& observer);

Result<Made> run_joined(int fd, const Job& job, OutputFiles& files, Observer& observer) {
  auto joined = join_pieces(fd, job, files, observer);
  if (!joined) return std::unexpected(joined.error());
  if (job.join_only) {
    Made made;
    made.pieces = std::move(joined->work);
    if (!made.pieces.empty()) return made;
    const auto size = file_size(joined->file.get());
    if (!size) return std::unexpected(size.error());
    MadeOutput& all = made.outputs.emplace_back();
    all.files.push_back({kJoinedName, {}, entry_of(kJoinedContainer).media_type, *size, {}});
    all.notes = std::move(joined->notes);
    return made;
  }
  Job rest = job;
  rest.pieces.clear();
  Stretch after(observer, job.outputs.size());
  after.set(joined->share, 1);
  auto made = run_checked(joined->file.get(), rest, files, after);
  if (!made) return made;
  for (MadeOutput& output : made->outputs) {
    if (!output.error) std::ranges::copy(joined->notes, std::back_inserter(output.notes));
  }
  return made;
}

Result<Made> run_checked(int fd, const Job& job, OutputFiles& files, Observer& observer) {
  if (!job.pieces.empty()) {
    return run_joined(fd, job, files, observer);
  }
  if (is_heif(fd)) {
    return run_on_heif(fd, files, observer, [&](int picture, Observer& hearing) {
      return run_checked(picture, job, files, hearing);
    });
  }
  auto input = Input::open(fd);
  if (!input) return std::unexpected(input.error());
  Made made;
  made.source = probe(*input, job.found ? job.found->duration : 0);
  if (made.source.video.empty() && made.source.audio.empty()) {
    return fail(ErrorCode::kNotMedia, "the file holds no audio or video stream");
  }
  const VideoFacts* pictures = made.source.main_video();
  if (pictures != nullptr && pictures->width <= 0 && made.source.audio.empty()) {
    return fail(ErrorCode::kDecodeFailed,
                "the file's picture cannot be decoded: it is damaged, of a kind that is not read "
                "here, or larger than 134 megapixels");
  }
  if (auto ok = observer.on_source(made.source); !ok) return std::unexpected(ok.error());
  if (job.find_segments > 0) {
    Transcode transcode(*input, made.source, job, files, 0);
    made.segments = transcode.find_segments(
        job.find_segments, [&](double read) { observer.on_progress(std::span(&read, 1), 0); });
    made.found = transcode.findings();
    made.found.duration = made.source.duration;
    if (made.segments.empty()) return made;
    auto scripts = transcode.write_scripts();
    if (!scripts) return std::unexpected(scripts.error());
    made.outputs = std::move(*scripts);
    return made;
  }

  OneAtATime safe_files(files);
  if (worth_seeking(job, made.source)) {
    auto stills = Stills(fd, *input, made.source, job, safe_files, observer).make();
    if (!stills) return std::unexpected(stills.error());
    made.outputs = std::move(*stills);
    return made;
  }
  Job exact = job;
  auto outputs = on_keyframes(fd, made.source, job.outputs);
  if (!outputs) return std::unexpected(outputs.error());
  exact.outputs = std::move(*outputs);
  const auto from = skip_ahead(fd, *input, exact, made.source);
  if (!from) return std::unexpected(from.error());
  Transcode transcode(*input, made.source, exact, safe_files, *from);
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
