#pragma once

#include <string>

#include "base/fs.h"

namespace telecine::media {

/// Where the files of a run are made. The run has no file system of its own: every file it writes
/// or reads beside its input is opened by whoever started it.
class OutputFiles {
 public:
  virtual ~OutputFiles() = default;
  /// Opens a file that outputs need beside the source, by the name they have for it.
  virtual Result<Fd> open(const std::string& asset) {
    return fail(ErrorCode::kUnsupported, "nothing can be read beside the source: " + asset);
  }
  /// Opens a new, empty file for reading and writing. `name` is relative, '/' separated, of
  /// letters, digits and "._-". Called from several threads, never from two at once.
  virtual Result<Fd> create(const std::string& name) = 0;
};

}  // namespace telecine::media
