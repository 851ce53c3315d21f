#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "base/crypto.h"
#include "base/text.h"
#include "work/executor.h"

namespace telecine {
namespace {

/// The unit's input and its MD5, where somebody has computed it already.
struct Source {
  Fd fd;
  std::string md5;
  bool fetched = false;
};

Result<Source> open_source(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  const std::string& input = task.spec.input;
  if (const auto* fetched = run.lease.payload.if_contains("fetched")) {
    auto fd = open_file(context.fetched_path(task.id), O_RDONLY);
    if (!fd) return fail(ErrorCode::kInternal, "the fetched input is gone");
    return Source{std::move(*fd), LooseReader(*fetched).text("md5"), true};
  }
  if (input.starts_with(kFileIdScheme)) {
    const auto id = Id::from_hex(std::string_view(input).substr(kFileIdScheme.size()));
    if (!id) return fail(ErrorCode::kInputNotFound, "there is no such file", "input");
    auto file = context.store.get_file(*id);
    if (!file || file->account != task.account) {
      return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more", "input");
    }
    auto fd = context.objects.open(file->object, "source");
    if (!fd) return fail(ErrorCode::kInputNotFound, "the uploaded file is not there any more");
    return Source{std::move(*fd), file->md5, false};
  }
  auto fd = context.roots.open_input(input);
  if (!fd) return std::unexpected(fd.error());
  return Source{std::move(*fd), "", false};
}

Result<std::string> md5_of(int fd, const std::stop_token& stop) {
  Digest digest = Digest::md5();
  std::string buffer(1 << 20, '\0');
  std::int64_t at = 0;
  while (!stop.stop_requested()) {
    const auto n = ::pread(fd, buffer.data(), buffer.size(), at);
    if (n < 0) return std::unexpected(errno_error(errno, "reading", ErrorCode::kInternal));
    if (n == 0) return digest.finish_hex();
    digest.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    at += n;
  }
  return fail(ErrorCode::kCancelled, "the work was stopped");
}

/// The attempt's private directory. Names of its files begin with the attempt's own prefix, so
/// that a late attempt can never replace what another one committed.
class Scratch {
 public:
  Scratch(const WorkContext& context, const Lease& lease)
      : context_(context),
        attempt_{lease.task->id.hex(), lease.unit, lease.attempt},
        prefix_(std::to_string(lease.unit) + "-" + std::to_string(lease.attempt) + "/") {}
  ~Scratch() { context_.objects.discard(attempt_); }

  Status prepare() {
    auto directory = context_.objects.prepare(attempt_);
    if (!directory) return std::unexpected(directory.error());
    directory_ = std::move(*directory);
    return {};
  }

  /// The child is not trusted with names: only what the pipeline can ask for is accepted.
  Result<Fd> create(const std::string& name) {
    constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
    constexpr std::size_t kMaxFiles = 200'000;
    const bool safe = !name.empty() && name.size() < 256 && name.front() != '/' &&
                      name.find("..") == std::string::npos &&
                      name.find("//") == std::string::npos &&
                      name.find_first_not_of(kAllowed) == std::string::npos;
    if (!safe || ++files_ > kMaxFiles) return fail(ErrorCode::kInternal, "a bad file name");
    if (files_ % 64 == 0) {
      if (auto room = check_disk(context_); !room) return std::unexpected(room.error());
    }
    const std::string path = directory_ + "/" + prefix_ + name;
    if (auto made = make_directories(path.substr(0, path.rfind('/'))); !made) {
      return std::unexpected(made.error());
    }
    return open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  }

  /// Moves an output's files to the task's objects and fills in their URLs and, for what a client
  /// opens by itself, the MD5.
  Status publish(std::vector<OutputFile>& files, const std::stop_token& stop) {
    std::vector<std::string> names;
    for (OutputFile& file : files) {
      names.push_back(prefix_ + file.name);
      if (&file != &files.front() && !file.type.starts_with("image/")) continue;
      auto fd = open_file(directory_ + "/" + names.back(), O_RDONLY);
      if (!fd) return std::unexpected(fd.error());
      auto md5 = md5_of(fd->get(), stop);
      if (!md5) return std::unexpected(md5.error());
      file.md5 = std::move(*md5);
    }
    auto urls = context_.objects.publish(directory_, attempt_.task_hex, names);
    if (!urls) return std::unexpected(urls.error());
    for (std::size_t i = 0; i < files.size(); ++i) files[i].url = std::move((*urls)[i]);
    return {};
  }

 private:
  const WorkContext& context_;
  object::Attempt attempt_;
  std::string prefix_;
  std::string directory_;
  std::size_t files_ = 0;
};

double mean(std::span<const double> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

MediaJob job_for(const WorkContext& context, const Task& task) {
  MediaJob job;
  job.probe_only = task.spec.kind == TaskKind::kProbe;
  job.job.outputs = task.spec.outputs;
  job.job.threads = context.options.cores;
  // Address space is more than memory: libraries, thread stacks and arenas count in full.
  job.limits.memory = std::min<std::int64_t>(context.options.memory, 64LL << 30) + (2LL << 30);
  job.limits.cpu_seconds = context.options.wall / 1000 * context.options.cores;
  job.limits.file_bytes = context.options.max_output;
  return job;
}

/// The task's outputs as they are after the run.
Status finish_outputs(const Task& task, media::Made& made, Scratch& scratch,
                      const std::stop_token& stop, std::vector<Output>& outputs) {
  outputs = task.outputs;
  for (std::size_t i = 0; i < outputs.size() && i < made.outputs.size(); ++i) {
    Output& output = outputs[i];
    media::MadeOutput& got = made.outputs[i];
    if (got.error) {
      output.state = OutputState::kFailed;
      output.error = got.error;
      continue;
    }
    if (auto published = scratch.publish(got.files, stop); !published) return published;
    output.state = OutputState::kSucceeded;
    output.progress = 1;
    output.files = std::move(got.files);
    output.facts = std::move(got.facts);
    if (output.facts && !output.files.empty()) output.facts->md5 = output.files.front().md5;
    output.rendition_facts = std::move(got.rendition_facts);
  }
  return {};
}

}  // namespace

Result<UnitOutcome> execute_encode(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  auto source = open_source(context, run);
  if (!source) return std::unexpected(source.error());
  struct stat facts{};
  if (::fstat(source->fd.get(), &facts) == 0 && facts.st_size > context.options.max_input) {
    return fail(ErrorCode::kInputTooLarge,
                "the input is larger than " + human_bytes(context.options.max_input), "input");
  }
  Scratch scratch(context, run.lease);
  if (auto ready = scratch.prepare(); !ready) return std::unexpected(ready.error());

  Admission::Share share;
  const double base = source->fetched ? kFetchShare : 0.0;
  RunHooks hooks;
  hooks.create = [&](const std::string& name) { return scratch.create(name); };
  hooks.source = [&](const MediaFacts& found) -> Status {
    Progress progress{task.id, base, 0, {}, found};
    progress.source->md5 = source->md5;
    run.report(std::move(progress));
    auto entered = context.admission.enter(
        needs_of(found, task.spec.outputs, context.options.cores), run.stop);
    if (!entered) return std::unexpected(entered.error());
    share = std::move(*entered);
    return {};
  };
  hooks.progress = [&](std::span<const double> done, double speed) {
    run.report({task.id, base + (0.99 - base) * mean(done), speed, {done.begin(), done.end()}, {}});
  };
  auto made = context.children.run(source->fd.get(), job_for(context, task),
                                   {context.options.wall, context.options.stall}, hooks, run.stop);
  if (!made) return std::unexpected(made.error());
  share = {};

  UnitOutcome outcome;
  if (task.spec.kind == TaskKind::kProbe && source->md5.empty()) {
    auto md5 = md5_of(source->fd.get(), run.stop);
    if (!md5) return std::unexpected(md5.error());
    source->md5 = std::move(*md5);
  }
  if (auto done = finish_outputs(task, *made, scratch, run.stop, outcome.outputs); !done) {
    return std::unexpected(done.error());
  }
  outcome.source = std::move(made->source);
  outcome.source->md5 = source->md5;
  return outcome;
}

}  // namespace telecine
