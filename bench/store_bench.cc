// Drives a store through its interface, without a server:
//
//     store_bench fill DIR COUNT              a database of COUNT finished tasks, and DIR/ids.txt
//     store_bench cycle DIR SECONDS IN_FLIGHT no-op life cycles, each step durable
//
// `fill` writes what a server has after COUNT ladders: three outputs with their facts each, of the
// account "bench". ids.txt holds their ids, 32 hex digits a line, and appears when all is done.
// Both print one line of JSON.

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/json.h"
#include "store/store.h"

namespace telecine {
namespace {

constexpr const char* kAccount = "bench";
constexpr const char* kNode = "bench";
/// Units of one claim; as large as a batch of the store.
constexpr int kClaim = 512;

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "store_bench: %s\n", error.message.c_str());
  std::_Exit(1);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// --- the tasks ---

struct Rung {
  const char* name;
  Dimensions size;
  std::int64_t bitrate;
};
constexpr auto kLadder = std::to_array<Rung>({{"720p", {1280, 720}, 2'400'000},
                                              {"480p", {854, 480}, 1'150'000},
                                              {"360p", {640, 360}, 720'000}});

/// Digits that look like a hash, different for every task and output.
std::string digest(std::uint64_t seed) {
  char text[33];
  const std::uint64_t a = (seed + 1) * 0x9E3779B97F4A7C15U;
  const std::uint64_t b = (a ^ (a >> 29)) * 0xBF58476D1CE4E5B9U;
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b));
  return text;
}

/// As the probe reports such a file.
MediaFacts facts_of(Dimensions size, std::int64_t bitrate, std::uint64_t seed) {
  constexpr Millis kDuration = 36'042;
  MediaFacts facts;
  facts.container = "mov,mp4,m4a,3gp,3g2,mj2";
  facts.bitrate = bitrate + static_cast<std::int64_t>(seed % 100'000);
  facts.duration = kDuration;
  facts.size = facts.bitrate * kDuration / 8000;
  facts.md5 = digest(seed);
  VideoFacts video;
  video.codec = "h264";
  video.profile = "High";
  video.level = 40;
  video.coded_width = video.width = size.width;
  video.coded_height = video.height = size.height;
  video.frame_rate = {24, 1};
  video.frames = 864;
  video.duration = 36'000;
  video.bitrate = facts.bitrate - 128'000;
  video.pixel_format = "yuv420p";
  video.color_range = "tv";
  video.color_primaries = video.color_transfer = video.color_space = "bt709";
  video.field_order = "progressive";
  video.language = "und";
  video.is_default = true;
  facts.video.push_back(video);
  AudioFacts audio;
  audio.index = 1;
  audio.codec = "aac";
  audio.profile = "LC";
  audio.channels = 2;
  audio.layout = "stereo";
  audio.sample_rate = 48'000;
  audio.sample_format = "fltp";
  audio.bitrate = 128'000;
  audio.duration = kDuration;
  audio.language = "und";
  audio.is_default = true;
  facts.audio.push_back(audio);
  return facts;
}

OutputSpec video_spec(const Rung& rung) {
  OutputSpec spec;
  spec.name = rung.name;
  Rendition& rendition = spec.renditions.emplace_back();
  rendition.name = rung.name;
  rendition.video.emplace();
  rendition.video->size.short_side = rung.size.height;
  rendition.video->rate.crf = 23;
  rendition.audio.emplace();
  return spec;
}

Submission submission_of(std::vector<OutputSpec> specs, std::int64_t number) {
  Submission submission;
  Task& task = submission.task;
  task.account = kAccount;
  task.spec.input = "https://media.example.com/library/" + std::to_string(number) + "/source.mp4";
  task.spec.outputs = std::move(specs);
  task.spec.metadata["reference"] = "order-" + std::to_string(number);
  for (const OutputSpec& spec : task.spec.outputs) {
    Output& output = task.outputs.emplace_back();
    output.name = spec.name;
    output.type = spec.type;
  }
  submission.units = {NewUnit{}};
  return submission;
}

Submission ladder(std::int64_t number) {
  std::vector<OutputSpec> specs;
  for (const Rung& rung : kLadder) specs.push_back(video_spec(rung));
  return submission_of(std::move(specs), number);
}

UnitOutcome ladder_made(const Lease& lease) {
  const auto seed = static_cast<std::uint64_t>(lease.task->id.key) * 8;
  UnitOutcome outcome;
  outcome.source = facts_of({1920, 1080}, 3'400'000, seed);
  outcome.outputs = lease.task->outputs;
  for (std::size_t i = 0; i < outcome.outputs.size(); ++i) {
    Output& output = outcome.outputs[i];
    output.state = OutputState::kSucceeded;
    output.progress = 1;
    output.facts = facts_of(kLadder[i].size, kLadder[i].bitrate, seed + i + 1);
    OutputFile& file = output.files.emplace_back();
    file.name = output.name + ".mp4";
    file.url =
        "object:" + lease.task->id.hex() + "/" + std::to_string(lease.unit) + "-1/" + file.name;
    file.type = "video/mp4";
    file.size = output.facts->size;
    file.md5 = output.facts->md5;
  }
  return outcome;
}

Submission cover(std::int64_t number) {
  OutputSpec spec;
  spec.name = "cover";
  spec.type = OutputType::kCover;
  return submission_of({spec}, number);
}

UnitOutcome cover_made(const Lease& lease) {
  UnitOutcome outcome;
  outcome.outputs = lease.task->outputs;
  outcome.outputs[0].state = OutputState::kSucceeded;
  return outcome;
}

// --- the mill ---

/// Keeps a number of tasks on their way through submit, claim and commit: each step is asked for
/// when the step before it was answered. The first error ends the program.
class Mill {
 public:
  using Make = Submission (*)(std::int64_t number);
  using Finish = UnitOutcome (*)(const Lease& lease);

  Mill(Store& store, Make make, Finish finish) : store_(store), make_(make), finish_(finish) {}

  /// Until `count` tasks have ended or `time` seconds have passed; 0: no such end. What is in
  /// flight by then still ends.
  void run(int in_flight, std::int64_t count, double time) {
    count_ = count;
    for (int i = 0; i < in_flight; ++i) submit();
    const auto start = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (open_ > 0) {
      store_.beat(kNode, {});
      changed_.wait_for(lock, std::chrono::seconds(1), [&] { return open_ == 0; });
      if (time > 0 && seconds_since(start) >= time) stopping_ = true;
    }
  }

  /// Of the tasks that ended.
  const std::vector<Id>& ids() const { return ids_; }

 private:
  void submit() {
    std::int64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || (count_ > 0 && submitted_ == count_)) return;
      number = submitted_++;
      ++open_;
    }
    store_.submit(make_(number), [this](const Result<Submitted>& made) {
      if (!made) give_up(made.error());
      const std::lock_guard lock(mutex_);
      ++ready_;
      claim();
    });
  }

  /// One claim at a time: by the time it runs, all that its batch made ready is there.
  void claim() {
    if (claiming_ || ready_ == 0) return;
    claiming_ = true;
    store_.claim(kNode, kClaim, [this](const Result<std::vector<Lease>>& leases) {
      if (!leases) give_up(leases.error());
      for (const Lease& lease : *leases) commit(lease);
      const std::lock_guard lock(mutex_);
      claiming_ = false;
      ready_ -= static_cast<std::int64_t>(leases->size());
      claim();
    });
  }

  void commit(const Lease& lease) {
    const UnitRef ref{lease.unit, lease.attempt, lease.task->id};
    store_.commit(ref, finish_(lease), [this](const Result<TaskPtr>& task) {
      if (!task) give_up(task.error());
      submit();
      const std::lock_guard lock(mutex_);
      ids_.push_back((*task)->id);
      if (--open_ == 0) changed_.notify_all();
    });
  }

  Store& store_;
  Make make_;
  Finish finish_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t count_ = 0;
  std::int64_t submitted_ = 0;
  std::int64_t open_ = 0;   ///< submitted and not ended
  std::int64_t ready_ = 0;  ///< submitted and not claimed
  bool claiming_ = false;
  bool stopping_ = false;
  std::vector<Id> ids_;
};

std::unique_ptr<Store> open_store(const std::string& directory, bool durable) {
  SqliteOptions options;
  options.directory = directory;
  options.synchronous_full = durable;
  // A fill that the machine puts to sleep must not lose its units.
  options.lease = 600'000;
  auto store = open_sqlite_store(options);
  if (!store) give_up(store.error());
  return std::move(*store);
}

void stop(Store& store) {
  store.leave(kNode, {});
  store.stop();
}

int fill(const std::string& directory, std::int64_t count) {
  constexpr int kInFlight = 512;
  const auto start = std::chrono::steady_clock::now();
  const auto store = open_store(directory, false);
  Mill mill(*store, ladder, ladder_made);
  mill.run(kInFlight, count, 0);
  stop(*store);
  std::vector<Id> ids = mill.ids();
  std::ranges::sort(ids);
  std::string text;
  text.reserve(ids.size() * 33);
  for (const Id& id : ids) text += id.hex() + "\n";
  if (auto ok = write_file_durably(directory + "/ids.txt", text); !ok) give_up(ok.error());
  std::printf("{\"tasks\":%zu,\"seconds\":%.3f}\n", ids.size(), seconds_since(start));
  return 0;
}

int cycle(const std::string& directory, double seconds, int in_flight) {
  const auto store = open_store(directory, true);
  Mill mill(*store, cover, cover_made);
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  mill.run(in_flight, 0, seconds);
  const double took = seconds_since(start);
  const double used = cpu_seconds() - cpu;
  stop(*store);
  std::printf("{\"cycles\":%zu,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n", mill.ids().size(), took,
              used);
  return 0;
}

int usage() {
  std::fprintf(stderr,
               "store_bench fill DIR COUNT\n"
               "store_bench cycle DIR SECONDS IN_FLIGHT\n");
  return 2;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) return usage();
  const std::string& directory = arguments[1];
  if (auto made = make_directories(directory); !made) give_up(made.error());
  if (arguments[0] == "fill") {
    const std::int64_t count = std::atoll(arguments[2].c_str());
    return count > 0 ? fill(directory, count) : usage();
  }
  if (arguments[0] != "cycle" || arguments.size() < 4) return usage();
  const double seconds = std::atof(arguments[2].c_str());
  const int in_flight = std::atoi(arguments[3].c_str());
  return seconds > 0 && in_flight > 0 ? cycle(directory, seconds, in_flight) : usage();
}

}  // namespace
}  // namespace telecine

int main(int argc, char** argv) {
  return telecine::run({argv + 1, argv + argc});
}
