// Any bytes as a media file: looked at, read through packet by packet, and made into small outputs
// if they can be, in one run, in segments, and joined to itself.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <map>

#include "base/fs.h"
#include "base/json.h"
#include "media/io.h"
#include "media/pipeline.h"
#include "media/probe.h"
#include "media/source_packets.h"

namespace {

using namespace telecine;

/// Files that are there as long as somebody may want them. The input is a file beside it, too.
class InMemory final : public media::OutputFiles {
 public:
  explicit InMemory(int input) : input_(input) {}

  Result<Fd> create(const std::string& name) override {
    Fd file(::memfd_create("output", 0));
    made_[name] = Fd(::dup(file.get()));
    return file;
  }
  Result<Fd> open(const std::string& asset) override {
    const auto found = made_.find(asset);
    return Fd(::dup(found == made_.end() ? input_ : found->second.get()));
  }
  /// What a run made as `from` is asked for as `to`.
  void rename(const std::string& from, const std::string& to) {
    if (auto node = made_.extract(from)) {
      node.key() = to;
      made_.insert(std::move(node));
    }
  }

 private:
  const int input_;
  std::map<std::string, Fd> made_;
};

media::Job job_of(std::initializer_list<std::string_view> outputs) {
  media::Job job;
  for (const auto text : outputs) {
    job.outputs.push_back(output_spec_from(parse_json(text).value(), "").value());
  }
  job.accept_damaged = true;
  return job;
}

media::Job small_job() {
  return job_of(
      {R"({"type":"video","name":"v","video":{"height":32,"preset":"ultrafast"},"audio":{}})",
       R"({"type":"video","name":"c","container":"mkv","video":{"codec":"copy"},
          "audio":{"codec":"copy"}})",
       R"({"type":"video","name":"p","video":{"codec":"copy"},"audio":{"codec":"copy"},
          "start":0.5,"end":1.5})",
       R"({"type":"cover","name":"s","height":32})"});
}

/// Two parts, one with its subtitles drawn.
media::Job cut_job() {
  return job_of({
      R"({"type":"video","name":"a","video":{"height":32,"preset":"ultrafast","subtitles":{}},
          "audio":false})",
      R"({"type":"video","name":"b","video":{"height":32,"preset":"ultrafast"},"audio":{},
          "start":0.7,"end":1.4})"});
}

/// As a worker makes a long source: found, encoded and joined by runs of their own.
void run_in_segments(int input) {
  constexpr std::size_t kMost = 3;
  InMemory files(input);
  media::Observer observer;
  media::Job job = cut_job();
  job.find_segments = 500;
  auto found = media::run(input, job, files, observer);
  job.find_segments = 0;
  if (!found || found->segments.empty()) {
    (void)media::run(input, job, files, observer);
    return;
  }
  if (found->segments.size() > kMost) found->segments.resize(kMost);
  job.found = found->found;
  for (std::size_t i = 0; i < found->segments.size(); ++i) {
    job.segment = found->segments[i];
    const auto made = media::run(input, job, files, observer);
    if (!made) return;
    for (std::size_t encode = 0; encode < made->outputs.size(); ++encode) {
      const std::string name = std::to_string(encode);
      files.rename(name, "segment/" + std::to_string(i) + "/" + name);
    }
  }
  job.segment.reset();
  job.segments = found->segments;
  (void)media::run(input, job, files, observer);
}

/// Behind itself.
void run_joined(int input) {
  InMemory files(input);
  media::Observer observer;
  media::Job job = job_of(
      {R"({"type":"video","name":"j","video":{"height":32,"preset":"ultrafast"},"audio":{}})"});
  job.pieces = {{"one", 0, 0}, {"two", 500, 0}};
  (void)media::run(input, job, files, observer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const media::Job job = small_job();
  const Fd input(::memfd_create("input", 0));
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!media::write_whole(input.get(), bytes)) return 0;
  if (!media::probe(input.get())) return 0;
  if (auto source = media::Input::open(input.get())) {
    media::SourcePackets packets(*source);
    for (unsigned i = 0; i < source->format().nb_streams; ++i) {
      (void)packets.of(source->stream(static_cast<int>(i)));
    }
  }
  InMemory files(input.get());
  media::Observer observer;
  (void)media::run(input.get(), job, files, observer);
  run_in_segments(input.get());
  run_joined(input.get());
  return 0;
}
