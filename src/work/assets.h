#pragma once

#include <optional>
#include <string>

#include "work/executor.h"

namespace telecine {

// Files a task reads beside its input: each is fetched by a unit of its own, whose commit says in
// the payload of the next one where it lies.

/// The place in `further_inputs` of the next one that a fetch unit has to bring.
std::optional<std::size_t> next_asset(const TaskSpec& spec, const json::object& payload);
/// Where a fetched one lies: `file` in the folder of fetched inputs.
void note_asset(json::object& payload, const TaskSpec& spec, std::size_t place,
                const std::string& file);
/// Opens one of them for reading, fetched or not, by its name in the task's specification.
Result<Fd> open_asset(const WorkContext& context, const Run& run, const std::string& asset);

}  // namespace telecine
