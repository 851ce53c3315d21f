#include <algorithm>
#include <numeric>

#include "work/unit_files.h"

namespace telecine {
namespace {

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
