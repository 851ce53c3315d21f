#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "work/executor.h"

namespace telecine {

/// The attempt's private directory. Names of its files begin with the attempt's own prefix, so
/// that a late attempt can never replace what another one committed.
class Scratch {
 public:
  Scratch(const WorkContext& context, const Lease& lease);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Status prepare();
  /// The child is not trusted with names: only what the pipeline can ask for is accepted.
  Result<Fd> create(const std::string& name);
  /// Moves an output's files to the task's objects and fills in their URLs and, for what a client
  /// opens by itself, the MD5.
  Status publish(std::vector<OutputFile>& files, const std::stop_token& stop);
  /// The same for files that only later units of the task read: without MD5s.
  Status leave(std::vector<OutputFile>& files);

 private:
  const WorkContext& context_;
  object::Attempt attempt_;
  std::string prefix_;
  std::string directory_;
  std::size_t files_ = 0;
};

}  // namespace telecine
