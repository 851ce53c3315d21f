#include <algorithm>
#include <cmath>
#include <future>

#include "base/crypto.h"
#include "base/log.h"
#include "work/generate.h"

namespace telecine {
namespace {

constexpr auto kDurationRecord = "provider_durations";
constexpr auto kEverybody = "";
constexpr Millis kJobLife = 30LL * 86'400'000;  // longer than any job takes
constexpr int kLookAgain = 5;                   // backoffs between two looks for a job
constexpr int kMostMisses = 3;
constexpr std::size_t kDurationsKept = 20;
constexpr double kFirstMedian = 60'000;  // ms, before anything is known

/// `first` doubled with each of `times`, at most a minute, a fifth more or less.
Millis backoff(Millis first, int times) {
  constexpr Millis kLongest = 60'000;
  constexpr int kMostDoublings = 10;
  const Millis base = std::min(kLongest, first << std::clamp(times, 0, kMostDoublings));
  const auto spread = static_cast<std::uint64_t>(std::max<Millis>(1, base * 2 / 5));
  return base - base / 5 + static_cast<Millis>(random_u64() % spread);
}

/// The configured provider and a connection to it, or why there is none.
struct Line {
  const provider::ProviderConfig* config = nullptr;
  std::unique_ptr<provider::Provider> provider;
};
std::optional<Line> line_to(const GenerateRun& g) {
  const auto* config = g.context.options.generation.find(g.job.choice.provider);
  if (config == nullptr || config->kind != g.job.choice.kind) return std::nullopt;
  Line line{config, provider::make_provider(*config, g.context.http)};
  if (!line.provider) return std::nullopt;
  return line;
}

UnitOutcome no_line(const GenerateJob& job) {
  return give_up(job,
                 {ErrorCode::kProviderUnavailable, "the provider is not configured any more", {}});
}

/// False when another task has this job already: then it cannot be ours.
bool claim_job(const GenerateRun& g, const std::string& job) {
  std::promise<Result<bool>> put;
  g.context.store.put_record({kJobRecord,
                              kEverybody,
                              g.job.choice.provider + "/" + job,
                              {{"task", g.task.id.hex()},
                               {"provider", g.job.choice.provider},
                               {"job", job},
                               {"client_ref", g.job.client_ref}},
                              now_ms() + kJobLife},
                             true, [&](Result<bool> done) { put.set_value(std::move(done)); });
  const auto done = put.get_future().get();
  if (done || done.error().code != ErrorCode::kConflict) return true;
  const auto record =
      g.context.store.get_record(kJobRecord, kEverybody, g.job.choice.provider + "/" + job);
  return record && LooseReader(*record).text("task") == g.task.id.hex();
}

/// If the task is cancelled meanwhile, this commit is refused: see `abandon_generation`.
Result<UnitOutcome> accept(GenerateRun& g, const Line& line, const std::string& job) {
  g.job.job = job;
  g.job.busy_since = 0;
  g.job.refused_for_now = 0;
  g.job.enter(GenerateStage::kAccepted, now_ms());
  (void)claim_job(g, job);
  return go_on(g.job, line.config->poll_first);
}

/// Nothing was begun: the same request goes out again a little later.
Result<UnitOutcome> ask_later(GenerateRun& g, const Line& line, Millis asked, const Error& error) {
  GenerateJob& job = g.job;
  const Millis now = now_ms();
  if (job.busy_since == 0) job.busy_since = now;
  if (now - job.busy_since >= g.context.options.generation.submit_patience) {
    return give_up(job, {ErrorCode::kProviderUnavailable,
                         "the provider did not take the request: " + error.message,
                         {}});
  }
  const Millis delay = std::max(asked, backoff(line.config->backoff, job.refused_for_now++));
  job.enter(GenerateStage::kPrepared, now);
  return go_on(job, delay);
}

Error refused(const Generation& wanted, const GenerateJob& job, Error error) {
  // What the provider calls the model is not the caller's business.
  const auto at =
      job.choice.model.empty() ? std::string::npos : error.message.find(job.choice.model);
  if (at != std::string::npos && job.choice.model != wanted.model) {
    error.message.replace(at, job.choice.model.size(), wanted.model);
  }
  return error;
}

double median_of(const WorkContext& context, const ProviderChoice& choice) {
  const auto record =
      context.store.get_record(kDurationRecord, kEverybody, choice.provider + "/" + choice.model);
  if (!record) return kFirstMedian;
  std::vector<double> all;
  for (const auto& item : LooseReader(*record).list("ms")) {
    if (item.is_number()) all.push_back(item.to_number<double>());
  }
  if (all.empty()) return kFirstMedian;
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::ranges::nth_element(all, middle);
  return std::max(1.0, *middle);
}

void advance(GenerateRun& g, const std::optional<double>& said) {
  const double passed = static_cast<double>(now_ms() - g.job.at(GenerateStage::kAccepted));
  g.job.estimated = !said;
  const double share = said ? *said : 1 - std::exp(-passed / median_of(g.context, g.job.choice));
  g.job.progress = std::max(g.job.progress, kGenerateFrom + kGenerateShare * share);
}

Result<UnitOutcome> not_yet(GenerateRun& g, const Line& line, Millis delay) {
  const Millis accepted = g.job.at(GenerateStage::kAccepted);
  const Millis left = accepted + line.config->deadline - now_ms();
  if (left > 0) return go_on(g.job, std::min(delay, left));
  (void)line.provider->cancel(g.job.job);
  constexpr Millis kMinute = 60'000;
  const Millis minutes = (line.config->deadline + kMinute - 1) / kMinute;
  return give_up(g.job, {ErrorCode::kTimedOut,
                         "no result within " + std::to_string(minutes) +
                             (minutes == 1 ? " minute" : " minutes"),
                         {}});
}

Error end_of(const provider::PollAnswer& answer) {
  using provider::Meaning;
  if (answer.meaning == Meaning::kGone) {
    return {ErrorCode::kProviderUnavailable, "the provider does not have the result any more", {}};
  }
  if (answer.meaning == Meaning::kCancelled) {
    return {ErrorCode::kProviderRejected, "the provider cancelled the job", {}};
  }
  return {ErrorCode::kProviderRejected,
          answer.reason.empty() ? "the provider gave no reason" : answer.reason,
          {}};
}

}  // namespace

Result<UnitOutcome> submit_to_provider(GenerateRun& g) {
  const auto line = line_to(g);
  if (!line) return no_line(g.job);
  auto pictures = read_pictures(g);
  if (!pictures) return give_up(g.job, pictures.error());
  const provider::Order order{g.wanted, g.job.choice.model, g.job.size, *pictures};
  const auto answer = line->provider->submit(order);
  switch (answer.end) {
    case provider::SubmitEnd::kAccepted:
      return accept(g, *line, answer.job);
    case provider::SubmitEnd::kRefused:
      return give_up(g.job, refused(g.wanted, g.job, answer.error));
    case provider::SubmitEnd::kNotNow:
      return ask_later(g, *line, answer.retry_after, answer.error);
    case provider::SubmitEnd::kUnknown:
      break;
  }
  g.job.answered = answer.answered;
  g.job.enter(GenerateStage::kUnsure, now_ms());
  return go_on(g.job);
}

Result<UnitOutcome> find_out(GenerateRun& g) {
  const auto line = line_to(g);
  if (!line) return no_line(g.job);
  const provider::Order order{g.wanted, g.job.choice.model, g.job.size, {}};
  const auto found = line->provider->look_for(order, g.job.at(GenerateStage::kSent));
  if (found.end == provider::Lookup::kFound && claim_job(g, found.job)) {
    return accept(g, *line, found.job);
  }
  if (g.job.looks++ == 0) {
    g.job.enter(GenerateStage::kUnsure, now_ms());
    return go_on(g.job, kLookAgain * line->config->backoff);
  }
  const Error error{ErrorCode::kProviderUnavailable,
                    "submitted, outcome unknown; not repeated, to avoid a second charge",
                    {}};
  // The server said that it failed, and its own list says so too: nothing was begun.
  const bool nothing_begun = g.job.answered && found.end != provider::Lookup::kCannot;
  if (nothing_begun || g.context.options.generation.resubmit_ambiguous) {
    return ask_later(g, *line, 0,
                     {ErrorCode::kProviderUnavailable, "it answered with an error", {}});
  }
  return give_up(g.job, error);
}

Result<UnitOutcome> poll_provider(GenerateRun& g) {
  const auto line = line_to(g);
  if (!line) return no_line(g.job);
  GenerateJob& job = g.job;
  const auto answer = line->provider->poll(job.job, g.run.stop);
  if (g.run.stop.stop_requested()) return fail(ErrorCode::kCancelled, "the work was stopped");
  if (answer.end == provider::PollEnd::kAgain) {
    const Millis delay = backoff(line->config->poll_every, job.troubles++);
    return not_yet(g, *line, std::max(answer.retry_after, delay));
  }
  job.troubles = 0;
  if (answer.end == provider::PollEnd::kMissing) {
    if (++job.misses >= kMostMisses) {
      return give_up(job, {ErrorCode::kProviderUnavailable, "the provider lost the job", {}});
    }
    return not_yet(g, *line, line->config->poll_every);
  }
  job.misses = 0;
  if (answer.cost) job.cost = answer.cost;
  switch (answer.meaning) {
    case provider::Meaning::kDone:
      job.result_url = answer.result_url;
      job.progress = kGenerateFrom + kGenerateShare;
      job.enter(GenerateStage::kReady, now_ms());
      note_duration(g.context, job.choice,
                    job.at(GenerateStage::kReady) - job.at(GenerateStage::kAccepted));
      return go_on(job);
    case provider::Meaning::kWaiting:
    case provider::Meaning::kWorking:
      advance(g, answer.progress);
      return not_yet(g, *line, line->config->poll_every);
    default:
      return give_up(job, refused(g.wanted, job, end_of(answer)));
  }
}

void release_job(const WorkContext& context, const std::string& provider, const std::string& job) {
  context.store.remove_record(kJobRecord, kEverybody, provider + "/" + job, {});
}

void note_duration(const WorkContext& context, const ProviderChoice& choice, Millis took) {
  const std::string name = choice.provider + "/" + choice.model;
  json::array kept{took};
  if (const auto record = context.store.get_record(kDurationRecord, kEverybody, name)) {
    for (const auto& item : LooseReader(*record).list("ms")) {
      if (kept.size() < kDurationsKept) kept.push_back(item);
    }
  }
  context.store.put_record(kDurationRecord, kEverybody, name, {{"ms", std::move(kept)}}, false, {});
}

}  // namespace telecine
