#pragma once

#include <string>

#include "job/output_files.h"

namespace telecine::media {

Result<Fd> duplicate(int fd);

/// Keeps hold of the one file that a run makes, and gives it what others left under a prefix.
class OneFile : public OutputFiles {
 public:
  /// `files` must outlive it.
  OneFile(OutputFiles& files, std::string name, std::string left = "")
      : files_(files), name_(std::move(name)), left_(std::move(left)) {}

  Result<Fd> open(const std::string& asset) override { return files_.open(left_ + asset); }
  Result<Fd> create(const std::string& name) override;
  Fd take() { return std::move(kept_); }

 private:
  OutputFiles& files_;
  std::string name_;
  std::string left_;
  Fd kept_;
};

}  // namespace telecine::media
