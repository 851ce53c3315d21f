#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "task/output.h"

namespace telecine::app {

/// How a command line says which outputs it wants.
std::vector<OptionSpec> output_options();

/// What was said: at most one of the two.
struct WantedOutputs {
  std::string template_name;        ///< or empty
  std::vector<OutputSpec> outputs;  ///< from --outputs or the shortcuts, or empty
};

/// kInvalidParameter for anything that is no valid list of outputs, or for both at once.
Result<WantedOutputs> wanted_outputs(const Arguments& arguments);

/// The outputs of a built-in template. kInvalidParameter lists what there is.
Result<std::vector<OutputSpec>> built_in_outputs(const std::string& name);

/// JSON given as such, as @file or as the name of a file.
Result<json::value> json_argument(const std::string& text);

}  // namespace telecine::app
