#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "task/output.h"
#include "task/piece.h"

namespace telecine {

enum class TaskKind : std::uint8_t {
  kTranscode,  ///< outputs from one source
  kProbe,      ///< only the source's facts
  kAnalyse,    ///< a report about the source
  kGenerate,   ///< a video made by a provider
  kExport,     ///< a file made from stored records
};
template <>
inline constexpr auto kNames<TaskKind> =
    std::to_array<Named<TaskKind>>({{TaskKind::kTranscode, "transcode"},
                                    {TaskKind::kProbe, "probe"},
                                    {TaskKind::kAnalyse, "analyse"},
                                    {TaskKind::kGenerate, "generate"},
                                    {TaskKind::kExport, "export"}});

/// Where outputs go when they do not stay in the engine's own store.
struct Destination {
  std::string storage{};   ///< id of a stored storage of the account; or else
  std::string endpoint{};  ///< the name of a configured endpoint
  std::string type{};      ///< "s3", "oss", "obs", "cos"
  std::string region{};
  std::string bucket{};
  std::string prefix{};  ///< of every key, with its slash at the end; or empty
  /// The key, after the prefix, of the one output's first file; its other files go into a folder of
  /// that name without its extension. Empty: files keep the names the engine gives them.
  std::string name{};

  bool operator==(const Destination&) const = default;
};

boost::json::object to_json(const Destination& destination);
Destination destination_from(const boost::json::value& value);

/// What of a task stays as files of the library, beyond the task's own life. The names are those
/// the files get.
struct Keep {
  std::string input;  ///< of a fetched input; empty: it goes when the task ends
  std::map<std::string, std::string> outputs;  ///< output to file: its first file
  bool operator==(const Keep&) const = default;
};

/// What a client asked for. Immutable once the task exists.
struct TaskSpec {
  TaskKind kind = TaskKind::kTranscode;
  /// The source: http(s)://…, s3://bucket/key and the like, file://root/path, or file-id:<32 hex>
  /// for an uploaded file.
  std::string input;
  std::vector<Piece> pieces;  ///< sources to be joined; the first is `input`. Empty: `input` alone
  /// A source that is damaged or ends too early is used as far as it goes, and not refused.
  bool accept_damaged = false;
  std::string template_name;  ///< the template `outputs` came from, or empty
  std::vector<OutputSpec> outputs;
  std::optional<Destination> destination;       ///< absent: the engine's own store
  std::string callback_url;                     ///< told about the final state; empty: nobody
  bool callback_changes = false;                ///< told about each output that is done, too
  int priority = 0;                             ///< -10...10, higher first
  int max_attempts = 3;                         ///< failed runs of a unit before the task fails
  std::map<std::string, std::string> metadata;  ///< the caller's own labels
  std::string input_md5;  ///< lower-case hex a fetched input must have; empty: any
  Keep keep;
  /// Stills are shown as soon as they are made and not with the rest, at the price of opening the
  /// source once more.
  bool stills_first = false;
  /// What the kind needs beside input and outputs (an analysis's options, a generation's prompt, an
  /// export's filters), and under "dialect" what the dialect that made the task has to remember to
  /// answer in its own words. Never secrets.
  boost::json::object options;
};

inline constexpr std::string_view kFileIdScheme = "file-id:";

/// Whether a fetch unit has to bring the input here first.
bool is_remote(std::string_view input);

/// Files that outputs need beside the source (pictures laid over others, subtitles), each once, in
/// an order that depends on the outputs alone. Named in the terms of an input.
std::vector<std::string> assets_of(const std::vector<OutputSpec>& outputs);
/// All that a task reads beside its input, each once.
std::vector<std::string> further_inputs(const TaskSpec& spec);

}  // namespace telecine
