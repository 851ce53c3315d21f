#include "work/generate.h"

#include "base/log.h"

namespace telecine {
namespace {

constexpr auto kFromFetch = "pictures";

std::vector<Picture> pictures_here(const GenerateRun& g) {
  std::vector<Picture> pictures = g.wanted.pictures;
  const auto* fetched = g.run.lease.payload.if_contains(kFromFetch);
  if (fetched == nullptr || !fetched->is_object()) return pictures;
  for (const auto& item : fetched->get_object()) {
    const auto index = static_cast<std::size_t>(std::stoul(std::string(item.key())));
    if (index < pictures.size()) pictures[index].source = std::string(item.value().as_string());
  }
  return pictures;
}

/// Everything that is not the provider's: pictures looked at, the size settled.
Result<UnitOutcome> prepare(GenerateRun& g) {
  if (auto room = check_disk(g.context); !room) return std::unexpected(room.error());
  if (!g.wanted.choice) return fail(ErrorCode::kInternal, "the task names no provider");
  GenerateJob& job = g.job;
  job.choice = *g.wanted.choice;
  const auto* config = g.context.options.generation.find(job.choice.provider);
  if (config == nullptr || config->kind != job.choice.kind) {
    return give_up(
        job, {ErrorCode::kProviderUnavailable, "the provider is not configured any more", {}});
  }
  job.client_ref = make_uuid();
  job.pictures = pictures_here(g);
  for (std::size_t i = 0; i < job.pictures.size(); ++i) {
    const std::string field = "images[" + std::to_string(i) + "]";
    auto fd = open_picture(g.context, g.task, job.pictures[i]);
    if (!fd) return std::unexpected(fd.error());
    // Those that were fetched have been looked at.
    if (object::parse_object_url(job.pictures[i].source)) continue;
    if (auto ok = check_picture(g.context, fd->get(), field); !ok) {
      return std::unexpected(ok.error());
    }
  }
  job.size = nearest_size(*config, size_of(g.wanted));
  job.progress = kGenerateFrom;
  job.enter(GenerateStage::kPrepared, now_ms());
  return go_on(job);
}

/// The commit that says "sent" comes before anything is.
Result<UnitOutcome> announce(GenerateRun& g) {
  if (g.job.choice.kind == ProviderKind::kAnimatic) return draw_animatic(g);
  ++g.job.attempts_sent;
  g.job.answered = false;
  g.job.looks = 0;
  g.job.enter(GenerateStage::kSent, now_ms());
  return go_on(g.job);
}

/// What a result says of a provider's job.
struct KnownJob {
  std::string provider;
  std::string job;
  std::string client_ref;  ///< one for each run of a task
};

KnownJob known_job(const json::value& record) {
  const LooseReader in(record);
  return {in.text("provider"), in.text("job"), in.text("client_ref")};
}

KnownJob job_in(const json::object& result) {
  const auto* record = result.if_contains(kGenerationMember);
  return record != nullptr ? known_job(*record) : KnownJob{};
}

void cancel_job(const WorkContext& context, Id task, const KnownJob& known) {
  const auto* config = context.options.generation.find(known.provider);
  const auto provider = config != nullptr && !known.job.empty()
                            ? provider::make_provider(*config, context.http)
                            : nullptr;
  if (!provider) return;
  log_info("generation cancelled", {{"task", task.hex()},
                                    {"provider", known.provider},
                                    {"job", known.job},
                                    {"confirmed", provider->cancel(known.job)}});
}

/// Stops a job that no run of its task goes on with.
void settle_job(const WorkContext& context, Id task, const KnownJob& known) {
  const auto now = context.store.get(task);
  if (!now && now.error().code != ErrorCode::kNotFound) return;
  const KnownJob current = now ? job_in((*now)->result) : KnownJob{};
  // Another attempt of the same run has the job, or looks for it.
  if (now && !is_final((*now)->state) && current.client_ref == known.client_ref) return;
  const bool ended_by_itself =
      now && (*now)->state != TaskState::kCancelled && current.job == known.job;
  if (!ended_by_itself) cancel_job(context, task, known);
  release_job(context, known.provider, known.job);
}

}  // namespace

UnitOutcome go_on(const GenerateJob& job, Millis delay) {
  UnitOutcome outcome;
  outcome.next.push_back({UnitKind::kGenerate, to_json(job), delay});
  outcome.result[kGenerationMember] = record_of(job);
  outcome.progress = job.progress;
  return outcome;
}

UnitOutcome give_up(const GenerateJob& job, Error error) {
  UnitOutcome outcome;
  outcome.result[kGenerationMember] = record_of(job);
  outcome.failed = std::move(error);
  return outcome;
}

Result<UnitOutcome> execute_generate(const WorkContext& context, const Run& run) {
  const Task& task = *run.lease.task;
  GenerateRun g{context, run, task, generation_of(task.spec), generate_job_from(run.lease.payload)};
  switch (g.job.stage) {
    case GenerateStage::kNone:
      return prepare(g);
    case GenerateStage::kPrepared:
      return announce(g);
    case GenerateStage::kSent:
      // Claimed a second time: the first claim may have got as far as the provider.
      return run.lease.attempt == 1 ? submit_to_provider(g) : find_out(g);
    case GenerateStage::kUnsure:
      return find_out(g);
    case GenerateStage::kAccepted:
      return poll_provider(g);
    case GenerateStage::kReady:
      return copy_result(g);
    case GenerateStage::kCopied:
      return finish_result(g);
  }
  return fail(ErrorCode::kInternal, "a stored generation has no stage");
}

void abandon_generation(const WorkContext& context, Id task, const UnitOutcome& outcome) {
  const KnownJob known = job_in(outcome.result);
  if (!known.job.empty()) settle_job(context, task, known);
}

void settle_lost_generations(const WorkContext& context) {
  const auto records = context.store.list_records(kJobRecord, "");
  if (!records) return;
  for (const auto& [name, document] : *records) {
    const auto task = Id::from_hex(LooseReader(document).text("task"));
    if (task) settle_job(context, *task, known_job(document));
  }
}

void end_generation(const WorkContext& context, const Task& task) {
  const KnownJob known = job_in(task.result);
  if (task.state == TaskState::kCancelled) cancel_job(context, task.id, known);
  if (!known.job.empty()) release_job(context, known.provider, known.job);
  if (task.state != TaskState::kSucceeded) return;
  for (const Id& id : picture_files(task.spec)) {
    const auto file = context.store.get_file(id);
    if (!file || file->account != task.account) continue;
    context.objects.remove(file->object);
    context.store.remove_file(id, {});
  }
}

}  // namespace telecine
