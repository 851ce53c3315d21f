#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/tencent/options.h"

namespace telecine::tencent {

/// What a procedure asks to be made of a file.
struct Wishes {
  std::vector<int> transcode;  ///< definitions
  std::optional<int> cover;    ///< snapshot template; the first frame
  std::optional<int> sample;   ///< sampled-snapshot template
  bool operator==(const Wishes&) const = default;
};

/// Reads "NAME" or "NAME(argument, …)", an argument being a number, nil or {number, …}, blanks
/// anywhere. Nothing when the text does not parse, the name is unknown or an argument cannot be.
std::optional<Wishes> wishes_of(std::string_view procedure, const Options& options);

}  // namespace telecine::tencent
