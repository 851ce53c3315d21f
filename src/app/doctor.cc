#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "app/command.h"
#include "app/machine.h"
#include "app/show.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/text.h"
#include "version.h"
#include "work/child_host.h"

namespace telecine::app {
namespace {

enum class Health : std::uint8_t { kGood, kWarning, kBad };

struct Finding {
  Health health = Health::kGood;
  std::string subject;
  std::string text;  ///< what was found and, unless good, what to do about it
};

void check_libav(const Libav& libav, std::vector<Finding>& found) {
  found.push_back({Health::kGood, "libav", libav.libraries});
  for (const Libav::Parts& parts : libav.parts) {
    const std::string text = std::to_string(parts.present) + " present";
    if (parts.absent.empty()) {
      found.push_back({Health::kGood, parts.kind, text});
      continue;
    }
    found.push_back({parts.needed ? Health::kBad : Health::kWarning, parts.kind,
                     text + ", absent from this machine's libav: " + join(parts.absent, ", ")});
  }
}

/// A second of a test clip, made by a media process and held in memory.
Result<Fd> make_clip(ChildHost& children) {
  Fd clip(::memfd_create("doctor", MFD_CLOEXEC));
  if (!clip) return std::unexpected(errno_error(errno, "memfd", ErrorCode::kInternal));
  MediaJob job;
  job.sample = {.seconds = 1, .width = 320, .height = 180};
  RunHooks hooks;
  hooks.create = [&](const std::string&) -> Result<Fd> {
    return Fd(::fcntl(clip.get(), F_DUPFD_CLOEXEC, 0));
  };
  if (auto made = children.run(-1, job, {}, hooks); !made) return std::unexpected(made.error());
  return clip;
}

void check_media(std::vector<Finding>& found) {
  const auto children = ChildHost::start();
  if (!children) {
    found.push_back({Health::kBad, "media process", children.error().message});
    return;
  }
  check_libav((*children)->libav(), found);
  const auto clip = make_clip(**children);
  if (!clip) {
    found.push_back({Health::kBad, "encoding", "a test clip failed: " + clip.error().message});
    return;
  }
  constexpr std::int64_t kMemory = 4LL << 30;
  const auto facts = (*children)->probe(clip->get(), {.memory = kMemory});
  if (!facts) {
    found.push_back({Health::kBad, "media process", "does not work: " + facts.error().message});
    return;
  }
  found.push_back({Health::kGood, "media process", "reads a test clip: " + describe(*facts)});
  for (const auto& [name, active] : listed((*children)->layers())) {
    found.push_back({active ? Health::kGood : Health::kWarning, "sandbox",
                     active ? name + " is active"
                            : name + " is not active: this kernel or container refuses it; the "
                                     "other layers do not depend on it"});
  }
}

/// Microseconds that making 4 KiB durable takes, the middle of 20.
Result<std::int64_t> median_sync(const std::string& path) {
  constexpr int kTimes = 20;
  const auto file = open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!file) return std::unexpected(file.error());
  ::unlink(path.c_str());
  const std::string block(4096, 'x');
  std::vector<std::int64_t> times;
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (auto written = write_all(file->get(), block); !written) {
      return std::unexpected(written.error());
    }
    if (::fsync(file->get()) != 0) return std::unexpected(errno_error(errno, path));
    const auto took = std::chrono::steady_clock::now() - begin;
    times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  }
  std::ranges::nth_element(times, times.begin() + kTimes / 2);
  return times[kTimes / 2];
}

/// The directory itself, or the nearest one above it that exists: looking must not make it.
std::string existing(const std::string& directory) {
  std::error_code error;
  auto path = std::filesystem::absolute(directory, error).lexically_normal();
  while (!std::filesystem::is_directory(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path.string();
}

void check_data(const Config& config, std::vector<Finding>& found) {
  const std::string directory = existing(config.data.dir);
  const auto micros = median_sync(directory + "/.doctor-" + hex(random_bytes(6)));
  if (!micros) {
    found.push_back({Health::kBad, "data",
                     "cannot be written: " + micros.error().message +
                         "; choose another directory with --data"});
    return;
  }
  constexpr std::int64_t kSlow = 50'000;
  char sync[64];
  std::snprintf(sync, sizeof sync, "%.1f ms", static_cast<double>(*micros) / 1000);
  found.push_back({Health::kGood, "data", directory + " can be written"});
  found.push_back({*micros > kSlow ? Health::kWarning : Health::kGood, "fsync",
                   std::string(sync) + (*micros > kSlow ? ": submitting waits for it; use a faster "
                                                          "disk, or --data-synchronous normal"
                                                        : "")});
  const auto free = free_bytes(directory);
  const bool full = free < config.worker.min_free;
  found.push_back(
      {full ? Health::kBad : Health::kGood, "disk",
       human_bytes(free) + " free" + (full ? ", less than worker.min_free: no task can run" : "")});
}

void check_machine(const Config& config, std::vector<Finding>& found) {
  found.push_back({Health::kGood, "cores",
                   std::to_string(machine_cores()) + ", of which tasks use " +
                       std::to_string(config.worker.cores)});
  const bool too_much = config.worker.memory > machine_memory();
  found.push_back({too_much ? Health::kWarning : Health::kGood, "memory",
                   human_bytes(machine_memory()) + ", of which tasks use " +
                       human_bytes(config.worker.memory) +
                       (too_much ? ": worker.memory is more than there is" : "")});
}

json::object findings_json(const std::vector<Finding>& found) {
  constexpr const char* kWords[] = {"good", "warning", "bad"};
  json::array list;
  for (const Finding& finding : found) {
    list.emplace_back(json::object{{"health", kWords[static_cast<int>(finding.health)]},
                                   {"subject", finding.subject},
                                   {"text", finding.text}});
  }
  return {{"findings", std::move(list)}};
}

int doctor(const Arguments& arguments) {
  const auto config = arguments.config();
  if (!config) return report(config.error());
  std::vector<Finding> found;
  found.push_back({Health::kGood, "telecine", kVersion});
  check_media(found);
  check_data(*config, found);
  check_machine(*config, found);
  if (arguments.has("json")) {
    print_json(findings_json(found));
  } else {
    constexpr const char* kMarks[] = {"ok  ", "warn", "BAD "};
    for (const Finding& finding : found) {
      std::printf("%s  %-14s %s\n", kMarks[static_cast<int>(finding.health)],
                  finding.subject.c_str(), finding.text.c_str());
    }
  }
  const bool bad = std::ranges::any_of(
      found, [](const Finding& finding) { return finding.health == Health::kBad; });
  return bad ? kFailed : kDone;
}

}  // namespace

std::vector<Command> doctor_commands() {
  return {{.name = "doctor",
           .summary = "Check what this machine can do",
           .details = "Versions and codecs of libav, the sandbox of the media process, the data\n"
                      "directory and its disk, cores and memory. Ends with 1 when something that\n"
                      "is needed does not work.\n\n"
                      "Example:\n  telecine doctor --data /srv/telecine",
           .options = {{.name = "--json", .help = "Print JSON on standard output"}},
           .takes = Takes::kDataSettings,
           .run = doctor}};
}

}  // namespace telecine::app
