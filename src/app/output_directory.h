#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "task/output.h"

namespace telecine::app {

/// Where `transcode` puts its files. They are written in a hidden directory inside and moved into
/// place when their output is done, so that a run that ends early leaves nothing half-made behind.
class OutputDirectory {
 public:
  /// Makes the directory. Unless `replace`, kConflict when a file of one of the outputs is there.
  static Result<OutputDirectory> open(const std::string& path, std::span<const OutputSpec> outputs,
                                      bool replace);
  ~OutputDirectory();
  OutputDirectory(OutputDirectory&& other) noexcept;
  OutputDirectory& operator=(OutputDirectory&&) = delete;

  /// For the media process: a new file under a relative name, which is not trusted.
  Result<Fd> create(const std::string& name) const;
  /// Moves the files of a finished output into place; their `url` becomes the path.
  Status keep(std::vector<OutputFile>& files) const;

 private:
  OutputDirectory(std::string path, std::string hidden)
      : path_(std::move(path)), hidden_(std::move(hidden)) {}

  std::string path_;
  std::string hidden_;
};

}  // namespace telecine::app
