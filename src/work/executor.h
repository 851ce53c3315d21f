#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "object/http_client.h"
#include "object/local.h"
#include "object/roots.h"
#include "provider/catalogue.h"
#include "store/meetings.h"
#include "store/store.h"
#include "work/admission.h"
#include "work/child_host.h"
#include "work/storages.h"

namespace telecine {

struct WorkerOptions {
  std::string data_dir;
  std::string version;      ///< of this program, for reports
  int cores = 1;            ///< shared out to running units
  std::int64_t memory = 0;  ///< bytes, likewise
  int slots = 2;            ///< units in hand at once; more than cores, as some wait for I/O
  Millis stall = 120'000;   ///< a unit without progress for this long fails
  Millis segment = 30'000;  ///< about how long the segments of long sources are; 0: never cut
  Millis wall = 12LL * 3600 * 1000;      ///< longest run of one unit
  std::int64_t max_input = 20LL << 30;   ///< bytes of one input
  std::int64_t max_output = 64LL << 30;  ///< bytes of one output file
  std::int64_t min_free = 256LL << 20;   ///< free disk below which nothing new is written
  Millis warm = 60'000;                  ///< how long an unused media process is kept
  Millis drain = 30'000;                 ///< how long a stopping worker lets its units go on
  provider::Catalogue generation;        ///< who makes generated videos
};

/// What executors use; the owner keeps it all alive.
struct WorkContext {
  Store& store;
  ChildHost& children;
  const object::LocalObjects& objects;
  const object::HttpClient& http;
  const object::Roots& roots;
  MeetingStore& meetings;
  Admission& admission;
  Storages& storages;
  const WorkerOptions& options;

  /// Where fetched inputs lie from the fetch unit's commit to the task's end, each under its task,
  /// unit and attempt: of two runs of one task none writes what the other reads.
  std::string fetched_folder() const { return options.data_dir + "/fetched"; }
};

/// A unit in hand.
struct Run {
  const Lease& lease;
  std::stop_token stop;
  std::function<void(Progress)> report;
};

/// One executor per unit kind. An error that is retryable gets the unit another attempt.
Result<UnitOutcome> execute(const WorkContext& context, const Run& run);

Result<UnitOutcome> execute_fetch(const WorkContext& context, const Run& run);
Result<UnitOutcome> execute_encode(const WorkContext& context, const Run& run);
/// Encode and package units of tasks with several sources, until these are joined.
Result<UnitOutcome> execute_join(const WorkContext& context, const Run& run);
Result<UnitOutcome> execute_export(const WorkContext& context, const Run& run);
Result<UnitOutcome> execute_analyse(const WorkContext& context, const Run& run);
Result<UnitOutcome> execute_publish(const WorkContext& context, const Run& run);
Result<UnitOutcome> execute_generate(const WorkContext& context, const Run& run);
/// The fetch unit of a generation: one of its pictures.
Result<UnitOutcome> execute_fetch_picture(const WorkContext& context, const Run& run);

/// After a generation ended: stops the provider's job of a cancelled one, and deletes the pictures
/// that were stored for it alone once it has succeeded. Blocks.
void end_generation(const WorkContext& context, const Task& task);
/// After the commit of a generation's unit was refused: stops the job that nobody else knows of, as
/// the task was cancelled meanwhile. Blocks.
void abandon_generation(const WorkContext& context, Id task, const UnitOutcome& outcome);
/// The same for jobs whose tasks ended when no worker was there to notice. Blocks.
void settle_lost_generations(const WorkContext& context);

/// kOutOfSpace when the data directory's disk is nearly full.
Status check_disk(const WorkContext& context);

/// Share of a task's progress that fetching is worth.
inline constexpr double kFetchShare = 0.1;

}  // namespace telecine
