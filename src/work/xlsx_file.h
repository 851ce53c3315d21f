#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace telecine {

/// A workbook of text cells that is written row by row in constant memory. When a sheet is full,
/// the next one begins with the same heading. Used by one thread.
///
///     auto file = XlsxFile::create("/scratch/a.xlsx", "/scratch", headings);
///     for (...) if (auto ok = (*file)->add(row); !ok) ...
///     if (auto ok = (*file)->close(); !ok) ...
class XlsxFile {
 public:
  /// Rows of a sheet, its heading included.
  static constexpr std::uint32_t kSheetRows = 1'048'576;

  /// `scratch` needs about 20 times the finished file's size free. `sheet_rows` is for tests.
  static Result<std::unique_ptr<XlsxFile>> create(const std::string& path,
                                                  const std::string& scratch,
                                                  std::vector<std::string> headings,
                                                  std::uint32_t sheet_rows = kSheetRows);
  ~XlsxFile();
  XlsxFile(const XlsxFile&) = delete;
  XlsxFile& operator=(const XlsxFile&) = delete;

  /// Cells may hold any bytes; see cell_text for what becomes of them. Empty ones are left out.
  Status add(const std::vector<std::string>& cells);
  /// Writes what is still missing. Takes about as long as all rows before it.
  Status close();

 private:
  struct Impl;
  explicit XlsxFile(std::unique_ptr<Impl> impl);
  Status begin_sheet();
  Status write_row(const std::vector<std::string>& cells);
  std::unique_ptr<Impl> impl_;
};

}  // namespace telecine
