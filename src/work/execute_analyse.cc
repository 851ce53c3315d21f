#include <algorithm>

#include "work/report.h"
#include "work/scratch.h"
#include "work/source.h"

namespace telecine {
namespace {

constexpr auto kReport = "report.json";

/// The task's options without what only its dialect reads.
Result<AnalysisOptions> options_of(const Task& task) {
  json::object own = task.spec.options;
  own.erase("dialect");
  return analysis_options_from(own, "options");
}

MediaJob job_for(const WorkContext& context, AnalysisOptions options) {
  MediaJob job;
  job.analysis = std::move(options);
  // Address space is more than memory: libraries, thread stacks and arenas count in full.
  job.limits.memory = std::min<std::int64_t>(context.options.memory, 64LL << 30) + (2LL << 30);
  job.limits.cpu_seconds = context.options.wall / 1000;
  job.limits.file_bytes = context.options.max_output;
  return job;
}

Result<OutputFile> write_report(Scratch& scratch, const std::string& text) {
  auto fd = scratch.create(kReport);
  if (!fd) return std::unexpected(fd.error());
  if (auto ok = write_all(fd->get(), text); !ok) return std::unexpected(ok.error());
  return OutputFile{kReport, {}, "application/json", static_cast<std::int64_t>(text.size()), {}};
}

}  // namespace

Result<UnitOutcome> execute_analyse(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  auto options = options_of(task);
  if (!options) return std::unexpected(options.error());
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
    auto entered = context.admission.enter(needs_of(found, {}, 1), run.stop);
    if (!entered) return std::unexpected(entered.error());
    share = std::move(*entered);
    return {};
  };
  hooks.progress = [&](std::span<const double> done, double speed) {
    const double share_done = done.empty() ? 0 : done.front();
    run.report({task.id, base + (0.99 - base) * share_done, speed, {share_done}, {}});
  };
  auto made = context.children.run(source->fd.get(), job_for(context, std::move(*options)),
                                   {context.options.wall, context.options.stall}, hooks, run.stop);
  if (!made) return std::unexpected(made.error());
  share = {};
  if (!made->analysis) return fail(ErrorCode::kInternal, "the media process found nothing out");

  const ReportEngine engine{context.options.version, context.children.libav().version};
  const auto document = report_document(task, made->source, *made->analysis, engine, now_ms());
  auto file = write_report(scratch, readable_json(document));
  if (!file) return std::unexpected(file.error());
  std::vector<OutputFile> files{std::move(*file)};
  if (auto ok = scratch.publish(files, run.stop); !ok) return std::unexpected(ok.error());

  UnitOutcome outcome;
  outcome.outputs = task.outputs;
  if (outcome.outputs.empty()) return fail(ErrorCode::kInternal, "the task has no report to make");
  Output& report = outcome.outputs.front();
  report.state = OutputState::kSucceeded;
  report.progress = 1;
  report.files = std::move(files);
  outcome.source = std::move(made->source);
  outcome.source->md5 = source->md5;
  return outcome;
}

}  // namespace telecine
