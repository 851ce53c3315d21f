#include <algorithm>
#include <functional>
#include <future>
#include <numeric>

#include "base/crypto.h"
#include "base/file_digest.h"
#include "object/links.h"
#include "task/own_store.h"
#include "work/media_unit.h"
#include "work/pieces.h"
#include "work/segments.h"
#include "work/source.h"

namespace telecine {
namespace {

double mean(std::span<const double> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

bool is_open(const Output& output) {
  // One with files is made and waits to be published.
  return output.state == OutputState::kPending ||
         (output.state == OutputState::kRunning && output.files.empty());
}

bool is_still(const OutputSpec& spec) {
  return spec.type != OutputType::kVideo && spec.type != OutputType::kHls;
}

/// One decode's worth of outputs, by their place in the task.
using Group = std::vector<std::size_t>;

/// The outputs that are still to be made, and that `wanted` says yes to.
template <typename Wanted>
Group open_outputs(const TaskSpec& spec, const std::vector<Output>& outputs, const Wanted& wanted) {
  Group group;
  for (std::size_t i = 0; i < outputs.size() && i < spec.outputs.size(); ++i) {
    if (is_open(outputs[i]) && wanted(spec.outputs[i])) group.push_back(i);
  }
  return group;
}

/// What is still to be made: all in one decode, or the stills ahead of the rest.
std::vector<Group> groups_of(const TaskSpec& spec, const std::vector<Output>& outputs) {
  const auto is_ahead = [&](const OutputSpec& one) { return spec.stills_first && is_still(one); };
  Group stills = open_outputs(spec, outputs, is_ahead);
  Group rest = open_outputs(spec, outputs, std::not_fn(is_ahead));
  std::vector<Group> groups;
  if (!stills.empty()) groups.push_back(std::move(stills));
  if (!rest.empty() || groups.empty()) groups.push_back(std::move(rest));
  return groups;
}

/// A file whose text is signed anew for every link has no MD5 that would hold for whoever gets it.
/// Elsewhere it is published as it is.
void forget_changing_md5(Output& output) {
  if (output.state != OutputState::kSucceeded || output.files.empty()) return;
  OutputFile& first = output.files.front();
  if (!object::names_others(first.name)) return;
  first.md5.clear();
  if (output.facts) output.facts->md5.clear();
}

/// One run of an encode or package unit: its source, what it makes, and how far it is.
class Encoding {
 public:
  Encoding(const WorkContext& context, const Run& run, Source source)
      : context_(context),
        run_(run),
        task_(*run.lease.task),
        source_(std::move(source)),
        unit_(context, run),
        share_(share_of(run.lease.payload)),
        base_(std::max(source_.fetched ? kFetchShare : 0.0, joined_share(run.lease.payload))),
        outputs_(task_.outputs) {
    for (const Output& output : outputs_) done_.push_back(is_open(output) ? 0.0 : 1.0);
  }

  Result<UnitOutcome> make() {
    if (auto ready = unit_.prepare(); !ready) return std::unexpected(ready.error());
    if (share_.segment) return make_segment();
    if (share_.others)
      return make_all({open_outputs(task_.spec, outputs_, std::not_fn(is_segmentable))});
    may_cut_ = run_.lease.kind == UnitKind::kEncode && context_.options.segment > 0;
    auto made = make_all(groups_of(task_.spec, outputs_));
    if (made || !is_long_) return made;
    may_cut_ = false;
    auto begun = cut();
    // A file that cannot be sought in may be read through all the same.
    if (!begun && run_.stop.stop_requested()) return begun;
    if (!begun || begun->next.empty()) return make_all(groups_of(task_.spec, outputs_));
    return begun;
  }

 private:
  Result<UnitOutcome> make_all(const std::vector<Group>& groups) {
    for (const Group& group : groups) {
      if (auto made = make_group(group); !made) return abandon(made.error());
      if (&group == &groups.back()) break;
      if (auto shown = checkpoint(); !shown) return abandon(shown.error());
    }
    if (task_.spec.kind == TaskKind::kProbe && source_.md5.empty()) {
      auto md5 = md5_of(source_.fd.get(), run_.stop);
      if (!md5) return std::unexpected(md5.error());
      facts_->md5 = std::move(*md5);
    }
    UnitOutcome all = outcome();
    const auto waits = [](const Output& o) { return o.state == OutputState::kRunning; };
    // Beside segments it is the package unit that comes last.
    const bool is_last = !share_.others;
    if (is_last && std::ranges::any_of(outputs_, waits)) {
      all.next.push_back({UnitKind::kPublish, {}});
    }
    return all;
  }

  /// Begins the units of a long source; none follow when it has to be made in one piece.
  Result<UnitOutcome> cut() {
    MediaJob job = job_for(open_outputs(task_.spec, outputs_, is_segmentable));
    job.job.find_segments = context_.options.segment;
    auto made = run_child(job, unit_.hooks());
    if (!made) return std::unexpected(made.error());
    if (made->segments.size() < 2 || !are_segments(made->segments)) return UnitOutcome();
    if (auto ok = unit_.leave(made->outputs); !ok) return std::unexpected(ok.error());
    const bool others = !open_outputs(task_.spec, outputs_, std::not_fn(is_segmentable)).empty();
    UnitOutcome begun = outcome();
    begun.next = segment_units(run_.lease.payload, *made, others);
    begun.part = files_part(made->outputs);
    return begun;
  }

  Result<UnitOutcome> make_segment() {
    const Group group = open_outputs(task_.spec, outputs_, is_segmentable);
    MediaJob job = job_for(group);
    job.job.segment = share_.segment;
    Admission::Share share;
    RunHooks hooks = hooks_for(group, job, share);
    hooks.progress = [&](std::span<const double> done, double speed) {
      report(group, std::vector<double>(group.size(), mean(done)), speed);
    };
    auto made = run_child(job, hooks);
    if (!made) return std::unexpected(made.error());
    if (auto ok = unit_.leave(made->outputs); !ok) return std::unexpected(ok.error());
    UnitOutcome outcome;
    outcome.part = segment_part(segment_name(share_.index), made->outputs);
    return outcome;
  }

  MediaJob job_for(const Group& group) const {
    std::vector<OutputSpec> outputs;
    for (const std::size_t i : group) outputs.push_back(task_.spec.outputs[i]);
    MediaJob job = unit_.job_for(std::move(outputs));
    job.probe_only = task_.spec.kind == TaskKind::kProbe;
    job.job.found = share_.found;
    if (share_.segment && task_.source) {
      job.job.threads = unit_.segment_threads(*task_.source, job.job.outputs, share_.count);
    }
    return job;
  }

  RunHooks hooks_for(const Group& group, const MediaJob& job, Admission::Share& share) {
    RunHooks hooks = unit_.hooks();
    hooks.source = [this, &job, &share](const MediaFacts& found) -> Status {
      if (share_.is_share() && !is_same(found)) {
        return fail(ErrorCode::kDecodeFailed, "the input was changed while it was being encoded");
      }
      Progress progress{task_.id, base_, 0, {}, found};
      progress.source->md5 = source_.md5;
      run_.report(std::move(progress));
      if (is_to_be_cut(found, job)) {
        is_long_ = true;
        return fail(ErrorCode::kCancelled, "the source is to be cut");
      }
      return enter(context_, run_, needs_for(found, job), share);
    };
    hooks.progress = [this, &group](std::span<const double> done, double speed) {
      report(group, done, speed);
    };
    return hooks;
  }

  /// Whether this is still the source that was cut.
  bool is_same(const MediaFacts& found) const {
    const auto& cut = task_.source;
    return !cut || (cut->size == found.size && cut->duration == found.duration);
  }

  bool is_to_be_cut(const MediaFacts& found, const MediaJob& job) const {
    constexpr int kLeastSegments = 4;
    return may_cut_ && found.duration >= kLeastSegments * context_.options.segment &&
           std::ranges::any_of(job.job.outputs, is_segmentable);
  }

  Needs needs_for(const MediaFacts& found, const MediaJob& job) const {
    constexpr Needs kJoin{.cores = 1, .memory = 256LL << 20};
    if (!job.job.segments.empty()) return kJoin;
    return needs_of(found, job.job.outputs, job.job.threads);
  }

  Result<media::Made> run_child(const MediaJob& job, const RunHooks& hooks) {
    auto made = unit_.run(source_.fd.get(), job, hooks);
    if (!made) return made;
    facts_ = made->source;
    facts_->md5 = source_.md5;
    return made;
  }

  Status make_group(const Group& group) {
    MediaJob job = job_for(group);
    if (run_.lease.kind == UnitKind::kPackage) job.job.segments = share_.segments;
    Admission::Share share;
    auto made = run_child(job, hooks_for(group, job, share));
    if (!made) return std::unexpected(made.error());
    for (std::size_t i = 0; i < group.size() && i < made->outputs.size(); ++i) {
      if (auto ok = finish(outputs_[group[i]], made->outputs[i]); !ok) return ok;
      done_[group[i]] = 1;
    }
    return {};
  }

  /// How far an output is whose share of this unit is done this far.
  double overall(double done) const {
    constexpr double kJoinFrom = 0.95;
    if (run_.lease.kind == UnitKind::kPackage) return kJoinFrom + (1 - kJoinFrom) * done;
    if (!share_.segment) return done;
    const double ended = segments_ended(run_.lease.parts, kSegmentNames);
    return kJoinFrom * std::min(1.0, (ended + done) / share_.count);
  }

  void report(const Group& group, std::span<const double> done, double speed) {
    for (std::size_t i = 0; i < done.size() && i < group.size(); ++i) {
      done_[group[i]] = overall(done[i]);
    }
    run_.report({task_.id, base_ + (0.99 - base_) * mean(done_), speed, done_, {}});
  }

  /// An output as it is after its run.
  Status finish(Output& output, media::MadeOutput& got) {
    if (got.error) {
      output.state = OutputState::kFailed;
      output.error = got.error;
      return {};
    }
    if (auto published = unit_.publish(got.files); !published) return published;
    output.state = is_published(task_.spec) ? OutputState::kRunning : OutputState::kSucceeded;
    output.progress = 1;
    output.files = std::move(got.files);
    output.facts = std::move(got.facts);
    if (output.facts && !output.files.empty()) output.facts->md5 = output.files.front().md5;
    output.rendition_facts = std::move(got.rendition_facts);
    output.notes = std::move(got.notes);
    std::ranges::move(notes_of(run_.lease.parts, !share_.others), std::back_inserter(output.notes));
    return keep(output);
  }

  /// Makes an output's first file one of the library, if the task wants that.
  Status keep(const Output& output) {
    const auto wanted = task_.spec.keep.outputs.find(output.name);
    if (wanted == task_.spec.keep.outputs.end() || output.files.empty()) return {};
    const OutputFile& first = output.files.front();
    const auto published = object::parse_object_url(first.url);
    if (!published) return fail(ErrorCode::kUnsupported, "an output elsewhere cannot be kept");
    File file;
    file.account = task_.account;
    file.name = wanted->second;
    file.object = hex(random_bytes(16));
    file.size = first.size;
    file.md5 = first.md5;
    file.facts = output.facts;
    if (auto ok = context_.objects.share(*published, {file.object, kFileBytes}); !ok) return ok;
    files_.push_back({output.name, std::move(file)});
    return {};
  }

  UnitOutcome outcome() {
    UnitOutcome outcome;
    outcome.source = facts_;
    outcome.outputs = outputs_;
    for (Output& output : outcome.outputs) forget_changing_md5(output);
    outcome.files = std::exchange(files_, {});
    return outcome;
  }

  /// Waits until what is finished shows in the task.
  Status checkpoint() {
    UnitOutcome so_far = outcome();
    const std::vector<NewFile> files = so_far.files;
    std::promise<Status> shown;
    context_.store.checkpoint({run_.lease.unit, run_.lease.attempt, task_.id}, std::move(so_far),
                              [&](const Result<TaskPtr>& task) {
                                shown.set_value(task ? Status() : std::unexpected(task.error()));
                              });
    auto ok = shown.get_future().get();
    if (!ok) files_ = files;
    return ok;
  }

  /// No commit will make files of what was kept.
  std::unexpected<Error> abandon(const Error& error) {
    for (const NewFile& made : files_) context_.objects.remove(made.file.object);
    return std::unexpected(error);
  }

  const WorkContext& context_;
  const Run& run_;
  const Task& task_;
  Source source_;
  MediaUnit unit_;
  const UnitShare share_;
  bool may_cut_ = false;
  bool is_long_ = false;
  double base_;
  std::vector<double> done_;
  std::vector<Output> outputs_;
  std::vector<NewFile> files_;  ///< not yet in a commit
  std::optional<MediaFacts> facts_;
};

}  // namespace

Result<UnitOutcome> execute_encode(const WorkContext& context, const Run& run) {
  const bool is_joined = joined_share(run.lease.payload) > 0;
  if (!run.lease.task->spec.pieces.empty() && !is_joined) return execute_join(context, run);
  auto source = open_source(context, run);
  if (!source) return std::unexpected(source.error());
  return Encoding(context, run, std::move(*source)).make();
}

}  // namespace telecine
