#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace telecine {

/// A zip archive that is written front to back in constant memory: each entry's sizes follow its
/// data. Entries and the archive stay below 4 GiB. Used by one thread.
class ZipFile {
 public:
  /// No entry may become larger than this.
  static constexpr std::uint64_t kMaxEntry = 0xFFFF'FFFF;

  static Result<std::unique_ptr<ZipFile>> create(const std::string& path);
  /// What was not finished is deleted.
  ~ZipFile();
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  /// Ends the entry before, if there is one.
  Status begin_entry(const std::string& name);
  Status write(std::string_view data);
  /// Bytes of the entry so far, before compression.
  std::uint64_t entry_size() const;
  /// Ends the last entry and writes the directory.
  Status finish();

 private:
  struct Impl;
  explicit ZipFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine
