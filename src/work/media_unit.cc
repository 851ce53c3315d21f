#include "work/media_unit.h"

#include <algorithm>

#include "work/assets.h"
#include "work/source.h"

namespace telecine {

MediaJob MediaUnit::job_for(std::vector<OutputSpec> outputs) const {
  const TaskSpec& spec = run_.lease.task->spec;
  const WorkerOptions& options = context_.options;
  MediaJob job;
  job.job.outputs = std::move(outputs);
  job.job.threads = options.cores;
  job.job.accept_damaged = spec.accept_damaged;
  // Address space is more than memory: libraries, thread stacks and arenas count in full.
  job.limits.memory = std::min<std::int64_t>(options.memory, 64LL << 30) + (2LL << 30);
  job.limits.cpu_seconds = options.wall / 1000 * options.cores;
  job.limits.file_bytes = options.max_output;
  return job;
}

int MediaUnit::segment_threads(const MediaFacts& source, std::span<const OutputSpec> outputs,
                               int count) const {
  const WorkerOptions& all = context_.options;
  const std::int64_t fit = all.memory / needs_of(source, outputs, 1).memory;
  const auto most = static_cast<int>(std::clamp<std::int64_t>(fit, 1, all.slots));
  return std::max(1, all.cores / std::clamp(count, 1, most));
}

RunHooks MediaUnit::hooks() {
  RunHooks hooks;
  hooks.create = [this](const std::string& name) { return scratch_.create(name); };
  hooks.open = [this](const std::string& name) {
    return is_left(name) ? open_left(context_, run_, name) : open_asset(context_, run_, name);
  };
  return hooks;
}

Result<media::Made> MediaUnit::run(int input, const MediaJob& job, const RunHooks& hooks) {
  return context_.children.run(input, job, {context_.options.wall, context_.options.stall}, hooks,
                               run_.stop);
}

Status MediaUnit::leave(std::vector<media::MadeOutput>& made) {
  for (media::MadeOutput& one : made) {
    if (one.error || one.files.empty()) continue;
    if (auto ok = scratch_.leave(one.files); !ok) return ok;
  }
  return {};
}

Status enter(const WorkContext& context, const Run& run, Needs needs, Admission::Share& share) {
  share = {};  // who holds some and waits for more may wait for ever
  auto entered = context.admission.enter(needs, run.stop);
  if (!entered) return std::unexpected(entered.error());
  share = std::move(*entered);
  return {};
}

}  // namespace telecine
