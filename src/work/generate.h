#pragma once

#include "provider/provider.h"
#include "work/executor.h"
#include "work/generate_job.h"

/// The steps of a generation, one file a part of the way; execute_generate.cc puts them together.
namespace telecine {

/// A generation unit in hand.
struct GenerateRun {
  const WorkContext& context;
  const Run& run;
  const Task& task;
  Generation wanted;
  GenerateJob job;
};

/// The outcome that goes on with the job as it is now, after `delay`.
UnitOutcome go_on(const GenerateJob& job, Millis delay = 0);
/// The outcome that ends the task for good.
UnitOutcome give_up(const GenerateJob& job, Error error);

/// A picture as it lies here. kInputNotFound when it is gone.
Result<Fd> open_picture(const WorkContext& context, const Task& task, const Picture& picture);
/// Size, type and pixels, looked at in a child. `field` is for errors.
Status check_picture(const WorkContext& context, int fd, const std::string& field);
/// All pictures of the job, in memory.
Result<std::vector<provider::PictureBytes>> read_pictures(const GenerateRun& g);

// generate_remote.cc: from `sent` to `ready`.
Result<UnitOutcome> submit_to_provider(GenerateRun& g);
Result<UnitOutcome> find_out(GenerateRun& g);
Result<UnitOutcome> poll_provider(GenerateRun& g);

/// Records of the jobs that tasks have at providers: which task, provider and job, and the run's
/// client_ref. There from before the commit that notes the job until nobody needs it any more.
inline constexpr auto kJobRecord = "provider_job";
/// Forgets that a task has the provider's job, once it needs it no more.
void release_job(const WorkContext& context, const std::string& provider, const std::string& job);
/// Notes how long the provider took, which the progress of later ones is estimated by.
void note_duration(const WorkContext& context, const ProviderChoice& choice, Millis took);

// generate_result.cc
Result<UnitOutcome> draw_animatic(GenerateRun& g);
Result<UnitOutcome> copy_result(GenerateRun& g);
Result<UnitOutcome> finish_result(GenerateRun& g);

/// Shares of a task's progress: what lies before the provider's work, and the work itself.
inline constexpr double kGenerateFrom = 0.10;
inline constexpr double kGenerateShare = 0.84;

}  // namespace telecine
