// Any bytes as a media file: looked at, read through packet by packet, and made into small outputs
// if they can be.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "base/fs.h"
#include "base/json.h"
#include "media/io.h"
#include "media/pipeline.h"
#include "media/probe.h"
#include "media/source_packets.h"

namespace {

using namespace telecine;

class Nowhere final : public media::OutputFiles {
 public:
  Result<Fd> create(const std::string&) override { return Fd(::memfd_create("output", 0)); }
};

media::Job small_job() {
  constexpr std::string_view kOutputs[] = {
      R"({"type":"video","name":"v","video":{"height":32,"preset":"ultrafast"},"audio":{}})",
      R"({"type":"video","name":"c","container":"mkv","video":{"codec":"copy"},
          "audio":{"codec":"copy"}})",
      R"({"type":"video","name":"p","video":{"codec":"copy"},"audio":{"codec":"copy"},
          "start":0.5,"end":1.5})",
      R"({"type":"cover","name":"s","height":32})"};
  media::Job job;
  for (const auto text : kOutputs) {
    job.outputs.push_back(output_spec_from(parse_json(text).value(), "").value());
  }
  job.accept_damaged = true;
  return job;
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
  Nowhere files;
  media::Observer observer;
  (void)media::run(input.get(), job, files, observer);
  return 0;
}
