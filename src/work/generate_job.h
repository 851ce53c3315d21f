#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "task/generation.h"
#include "task/output.h"

namespace telecine {

/// How far a generation is. Each stage is a commit of its own, and a unit's payload says from where
/// it goes on, so that a crash never repeats what costs money:
///
///     (none) ──► prepared ──► sent ──► accepted ──► ready ──► copied
///                   ▲           │         ▲
///                   └─ not now ─┼─ found ─┤
///                               ▼         │
///                             unsure ─────┘
///
/// prepared   the request is complete, its pictures are here
/// sent       written before the first byte leaves; whoever finds it begun cannot know whether the
///            provider has the job
/// unsure     that, being found out
/// accepted   the provider's job is known
/// ready      the provider has a result
/// copied     the result is here
enum class GenerateStage : std::uint8_t {
  kNone,
  kPrepared,
  kSent,
  kUnsure,
  kAccepted,
  kReady,
  kCopied
};
template <>
inline constexpr auto kNames<GenerateStage> =
    std::to_array<Named<GenerateStage>>({{GenerateStage::kNone, ""},
                                         {GenerateStage::kPrepared, "prepared"},
                                         {GenerateStage::kSent, "sent"},
                                         {GenerateStage::kUnsure, "unsure"},
                                         {GenerateStage::kAccepted, "accepted"},
                                         {GenerateStage::kReady, "ready"},
                                         {GenerateStage::kCopied, "copied"}});

/// What one stage hands to the next.
struct GenerateJob {
  GenerateStage stage = GenerateStage::kNone;
  std::string client_ref;  ///< our own name of the job, a UUID
  ProviderChoice choice;
  std::vector<Picture> pictures;  ///< as they lie here: object:… or file-id:…
  Dimensions size;                ///< asked of the provider
  int attempts_sent = 0;          ///< submits that may have left
  int refused_for_now = 0;        ///< in a row
  Millis busy_since = 0;          ///< of the first of them; 0 none
  bool answered = false;          ///< the unsure submit was answered with an error of the server
  int looks = 0;                  ///< for an unsure submit
  std::string job;                ///< the provider's id
  std::string result_url;         ///< never shown
  int troubles = 0;               ///< polls in a row without a usable answer
  int misses = 0;                 ///< polls in a row that did not know the job
  int fetches = 0;                ///< of the result
  double progress = 0;            ///< of the task, 0...1
  bool estimated = false;         ///< the provider does not say how far it is
  std::optional<double> cost;
  std::optional<OutputFile> copy;
  std::optional<MediaFacts> facts;      ///< of the copy
  std::map<std::string, Millis> times;  ///< when each stage was reached, by its name

  /// Moves on, and notes when.
  void enter(GenerateStage next, Millis now);
  Millis at(GenerateStage which) const;
};

json::object to_json(const GenerateJob& job);
GenerateJob generate_job_from(const json::object& payload);
/// What the task's owner is told of it, for Task.result. Holds no address.
json::object record_of(const GenerateJob& job);

}  // namespace telecine
