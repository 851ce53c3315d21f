#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"

namespace telecine {

/// One of several sources that follow each other: all of it, or the part from `start` to `end` in
/// the terms of OutputSpec.
struct Piece {
  std::string input;
  Millis start = 0;
  Millis end = 0;
  bool operator==(const Piece&) const = default;
};

boost::json::object to_json(const Piece& piece);
Piece piece_from(const boost::json::value& value);

}  // namespace telecine
