#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "work/zip_file.h"

namespace telecine {

/// A workbook of text cells that is written row by row in constant memory and without temporary
/// files. When a sheet is full, the next one begins with the same heading. Used by one thread.
///
///     auto file = XlsxFile::create("/scratch/a.xlsx", headings);
///     for (...) if (auto ok = (*file)->add(row); !ok) ...
///     if (auto ok = (*file)->close(); !ok) ...
class XlsxFile {
 public:
  /// When a sheet is full. Its rows include the heading.
  struct Limits {
    std::uint32_t rows = 1'048'576;
    std::uint64_t bytes = 4'000'000'000;  ///< of XML, a row below what a file of a zip can hold
  };

  static Result<std::unique_ptr<XlsxFile>> create(const std::string& path,
                                                  std::vector<std::string> headings, Limits limits);
  static Result<std::unique_ptr<XlsxFile>> create(const std::string& path,
                                                  std::vector<std::string> headings) {
    return create(path, std::move(headings), Limits());
  }

  /// Cells may hold any bytes; see cell_text for what becomes of them. Empty ones are left out.
  Status add(const std::vector<std::string>& cells);
  /// Writes what is still missing. A workbook that is not closed leaves no file.
  Status close();

 private:
  XlsxFile(std::unique_ptr<ZipFile> zip, std::vector<std::string> headings, Limits limits);
  Status begin_sheet();
  Status end_sheet();
  Status write_row(const std::vector<std::string>& cells);
  Status write_file(const std::string& name, const std::string& text);
  Status flush();

  std::unique_ptr<ZipFile> zip_;
  std::vector<std::string> headings_;
  std::vector<std::string> columns_;  ///< "A", "B", …
  Limits limits_;
  int sheets_ = 0;
  std::uint32_t row_ = 0;  ///< of the sheet, from 1
  std::string text_;       ///< written and not handed on
};

}  // namespace telecine
