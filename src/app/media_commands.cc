#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "app/command.h"
#include "app/machine.h"
#include "app/output_directory.h"
#include "app/output_options.h"
#include "app/progress_bar.h"
#include "app/show.h"
#include "base/text.h"
#include "object/http_client.h"
#include "task/spec.h"
#include "work/child_host.h"

// Media work without a server: the same sandboxed child, fed and emptied by this process.
namespace telecine::app {
namespace {

/// Ctrl-C and SIGTERM as a stop request, so that what was begun is cleaned up. The process's
/// signals stay blocked afterwards.
class Interrupts {
 public:
  Interrupts() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread([this](const std::stop_token& ended) {
      while (!ended.stop_requested()) {
        int signal = 0;
        ::sigwait(&signals_, &signal);
        stop_.request_stop();
      }
    });
  }
  ~Interrupts() {
    thread_.request_stop();
    // The signal is blocked: it ends the wait and no thread.
    ::pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  sigset_t signals_{};
  std::stop_source stop_;
  std::jthread thread_;
};

Result<Fd> download(const std::string& url, const std::stop_token& stop) {
  const char* chosen = std::getenv("TMPDIR");
  auto file = open_file(chosen != nullptr ? chosen : "/tmp", O_TMPFILE | O_RDWR, 0600);
  if (!file) return file;
  auto rules = object::AddressRules::parse({});
  if (!rules) return std::unexpected(rules.error());
  const object::HttpClient http(std::move(*rules));
  ProgressBar bar("Downloading");
  object::FetchOptions options;
  options.operator_address = true;
  options.stop = stop;
  const auto show = [&](std::int64_t got, std::int64_t total) {
    const double done = total > 0 ? static_cast<double>(got) / static_cast<double>(total) : 0;
    bar.update(done, human_bytes(got));
  };
  auto fetched = http.fetch_to(url, file->get(), options, show);
  if (!fetched) return std::unexpected(fetched.error());
  return file;
}

Result<Fd> open_media(const std::string& input, const std::stop_token& stop) {
  if (input.starts_with("http://") || input.starts_with("https://")) return download(input, stop);
  auto file = open_file(input, O_RDONLY);
  if (!file) return fail(ErrorCode::kNotFound, file.error().message);
  struct stat facts{};
  if (::fstat(file->get(), &facts) == 0 && S_ISREG(facts.st_mode)) return file;
  return fail(ErrorCode::kInvalidParameter, input + " is not a regular file");
}

ChildLimits child_limits() {
  // Address space is more than memory: libraries and thread stacks count in full.
  constexpr std::int64_t kMost = 64LL << 30;
  constexpr std::int64_t kBeside = 2LL << 30;
  return {.memory = std::min(machine_memory(), kMost) + kBeside};
}

int probe(const Arguments& arguments) {
  const auto children = ChildHost::start();
  if (!children) return report(children.error());
  const Interrupts interrupts;
  const auto input = open_media(arguments.text("INPUT"), interrupts.token());
  if (!input) return report(input.error());
  const auto facts = (*children)->probe(input->get(), child_limits());
  if (!facts) return report(facts.error());
  if (arguments.has("json"))
    print_json(to_json(*facts));
  else
    print_facts(*facts);
  return kDone;
}

Result<MediaJob> job_of(const Arguments& arguments) {
  auto wanted = wanted_outputs(arguments);
  if (!wanted) return std::unexpected(wanted.error());
  MediaJob job;
  job.limits = child_limits();
  job.job.outputs = std::move(wanted->outputs);
  if (job.job.outputs.empty()) {
    const std::string name = wanted->template_name.empty() ? "ladder" : wanted->template_name;
    auto outputs = built_in_outputs(name);
    if (!outputs) return std::unexpected(outputs.error());
    job.job.outputs = std::move(*outputs);
  }
  const auto threads = arguments.integer("threads", 1, 1024);
  if (!threads) return std::unexpected(threads.error());
  job.job.threads = static_cast<int>(threads->value_or(machine_cores()));
  job.job.accept_damaged = arguments.has("accept-damaged");
  if (arguments.has("then")) job.job.pieces.push_back({.input = arguments.text("INPUT")});
  for (const std::string& next : arguments.list("then")) job.job.pieces.push_back({.input = next});
  return job;
}

Result<media::Made> run_job(ChildHost& children, int input, const MediaJob& job,
                            const OutputDirectory& directory, const std::stop_token& stop) {
  ProgressBar bar("Transcoding");
  RunHooks hooks;
  hooks.create = [&](const std::string& name) { return directory.create(name); };
  std::vector<std::string> named = assets_of(job.job.outputs);
  for (const Piece& piece : job.job.pieces) named.push_back(piece.input);
  hooks.open = [&](const std::string& name) -> Result<Fd> {
    // The child gets what the command line names and nothing else.
    if (std::ranges::find(named, name) != named.end()) return open_media(name, stop);
    return fail(ErrorCode::kInternal, "the job names no such file");
  };
  hooks.progress = [&](std::span<const double> done, double speed) {
    const double sum = std::accumulate(done.begin(), done.end(), 0.0);
    char note[32] = "";
    if (speed > 0) std::snprintf(note, sizeof note, "%.1fx", speed);
    bar.update(done.empty() ? 0 : sum / static_cast<double>(done.size()), note);
  };
  constexpr RunLimits kLimits{.wall = 0, .stall = 120'000};
  return children.run(input, job, kLimits, hooks, stop);
}

json::object output_json(const OutputSpec& spec, const media::MadeOutput& made) {
  Output output;
  output.name = spec.name;
  output.type = spec.type;
  output.state = made.error ? OutputState::kFailed : OutputState::kSucceeded;
  output.progress = made.error ? 0 : 1;
  output.error = made.error;
  output.files = made.files;
  output.facts = made.facts;
  output.rendition_facts = made.rendition_facts;
  output.notes = made.notes;
  return to_json(output);
}

void print_output(const OutputSpec& spec, const media::MadeOutput& made) {
  const std::string place = made.files.empty() ? spec.name : made.files.front().url;
  if (made.error) {
    std::printf("%s\n    %s: %s\n", place.c_str(), std::string(name_of(made.error->code)).c_str(),
                printable(made.error->message, 500).c_str());
    return;
  }
  std::printf("%s\n", place.c_str());
  for (const MediaFacts& facts : made.rendition_facts) {
    std::printf("    %s\n", describe(facts).c_str());
  }
  if (made.facts && made.rendition_facts.empty()) {
    std::printf("    %s\n", describe(*made.facts).c_str());
  }
  for (const std::string& note : made.notes) std::printf("    %s\n", printable(note, 500).c_str());
}

int conclude(const Arguments& arguments, const MediaJob& job, const OutputDirectory& directory,
             media::Made& made) {
  json::array documents;
  bool all_good = true;
  for (std::size_t i = 0; i < made.outputs.size() && i < job.job.outputs.size(); ++i) {
    media::MadeOutput& output = made.outputs[i];
    if (!output.error) {
      if (auto kept = directory.keep(output.files); !kept) output.error = kept.error();
    }
    all_good = all_good && !output.error;
    if (arguments.has("json"))
      documents.emplace_back(output_json(job.job.outputs[i], output));
    else
      print_output(job.job.outputs[i], output);
  }
  if (arguments.has("json")) {
    print_json(json::object{{"source", to_json(made.source)}, {"outputs", std::move(documents)}});
  }
  return all_good ? kDone : kFailed;
}

int transcode(const Arguments& arguments) {
  const auto job = job_of(arguments);
  if (!job) return report(job.error());
  const auto directory = OutputDirectory::open(arguments.find("output-dir").value_or("."),
                                               job->job.outputs, arguments.has("force"));
  if (!directory) return report(directory.error());
  const auto children = ChildHost::start();
  if (!children) return report(children.error());
  const Interrupts interrupts;
  const auto input = open_media(arguments.text("INPUT"), interrupts.token());
  if (!input) return report(input.error());
  auto made = run_job(**children, input->get(), *job, *directory, interrupts.token());
  if (!made) return report(made.error());
  return conclude(arguments, *job, *directory, *made);
}

Command transcode_command() {
  std::vector<OptionSpec> options = output_options();
  const OptionSpec own[] = {
      {.name = "-d,--output-dir", .value = "DIR", .help = "Where the files go [.]"},
      {.name = "--force", .help = "Replace files that are there"},
      {.name = "--then",
       .value = "INPUT",
       .help = "Another file or URL that follows the first; may be given again",
       .many = true},
      {.name = "--accept-damaged", .help = "Use a damaged source as far as it goes"},
      {.name = "--threads", .value = "N", .help = "Cores it may use [all]"},
      {.name = "--json", .help = "Print JSON on standard output, and nothing else there"},
  };
  options.insert(options.begin(), std::begin(own), std::end(own));
  return {.name = "transcode",
          .summary = "Transcode a file right here, without a server",
          .details =
              "Decodes once for all outputs, in the same sandbox as the server's worker.\n"
              "Templates are the built-in ones. Ends with 1 when an output failed.\n\n"
              "Examples:\n"
              "  telecine transcode clip.mp4 --output-dir out\n"
              "  telecine transcode clip.mp4 --height 720 --crf 21 --preset fast -d out\n"
              "  telecine transcode clip.mp4 -d out --outputs '[{\"type\": \"cover\"}]'\n"
              "  telecine transcode intro.mp4 --then clip.mp4 --height 720 -d out",
          .positionals = {{.name = "INPUT", .help = "A file, or an http(s) URL", .required = true}},
          .options = std::move(options),
          .run = transcode};
}

int sample(const Arguments& arguments) {
  const auto seconds = arguments.integer("seconds", 1, 3600);
  if (!seconds) return report(seconds.error());
  MediaJob job;
  media::SynthOptions& options = job.sample.emplace();
  options.seconds = static_cast<double>(seconds->value_or(20));
  options.audio = !arguments.has("silent");
  const auto height = arguments.integer("height", 16, 4320);
  if (!height) return report(height.error());
  options.height = static_cast<int>(height->value_or(720) / 2 * 2);
  options.width = options.height * 16 / 9 / 2 * 2;
  const auto children = ChildHost::start();
  if (!children) return report(children.error());
  RunHooks hooks;
  hooks.create = [&](const std::string&) {
    return open_file(arguments.text("FILE"), O_RDWR | O_CREAT | O_TRUNC, 0644);
  };
  const Interrupts interrupts;
  const auto made = (*children)->run(-1, job, {.stall = 0}, hooks, interrupts.token());
  return made ? kDone : report(made.error());
}

Command sample_command() {
  return {.name = "sample",
          .summary = "Make a test clip",
          .details =
              "Moving bars and a bouncing box at 25 frames/s, with a tone; at each full\n"
              "second the picture flashes and a beep starts. H.264 and AAC in MP4.\n\n"
              "Example:\n"
              "  telecine sample clip.mp4 --seconds 5",
          .positionals = {{.name = "FILE", .help = "Where to write it", .required = true}},
          .options = {{.name = "--seconds", .value = "N", .help = "Its length [20]"},
                      {.name = "--height", .value = "PX", .help = "Its height, 16:9 [720]"},
                      {.name = "--silent", .help = "No sound"}},
          .run = sample};
}

}  // namespace

std::vector<Command> media_commands() {
  return {
      {.name = "probe",
       .summary = "Show what a media file is, without a server",
       .details = "Reads it in the same sandbox as the server's worker.\n\n"
                  "Examples:\n"
                  "  telecine probe clip.mp4\n"
                  "  telecine probe https://example.com/clip.mp4 --json",
       .positionals = {{.name = "INPUT", .help = "A file, or an http(s) URL", .required = true}},
       .options = {{.name = "--json", .help = "Print JSON on standard output"}},
       .run = probe},
      transcode_command(),
      sample_command(),
  };
}

}  // namespace telecine::app
