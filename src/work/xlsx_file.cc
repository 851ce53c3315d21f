#include "work/xlsx_file.h"

#include <xlsxwriter.h>

#include <algorithm>
#include <utility>

#include "work/export_columns.h"

namespace telecine {
namespace {

std::unexpected<Error> xlsx_error(lxw_error error) {
  const bool disk = error == LXW_ERROR_CREATING_XLSX_FILE || error == LXW_ERROR_CREATING_TMPFILE ||
                    error == LXW_ERROR_READING_TMPFILE || error == LXW_ERROR_ZIP_FILE_OPERATION ||
                    error == LXW_ERROR_ZIP_FILE_ADD || error == LXW_ERROR_ZIP_CLOSE;
  return fail(disk ? ErrorCode::kStorageUnavailable : ErrorCode::kInternal,
              std::string("writing the workbook: ") + lxw_strerror(error));
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/// Readers take "_x000D_" in a cell for an escaped character: text that looks like one has its
/// own first underscore escaped, and is cut again if that made it too long.
std::string escaped(std::string text) {
  constexpr std::size_t kForm = 7;
  bool changed = false;
  for (std::size_t at = text.find("_x"); at != std::string::npos; at = text.find("_x", at + 1)) {
    if (at + kForm > text.size()) break;
    const auto digits = std::string_view(text).substr(at + 2, 4);
    if (text[at + 6] != '_' || !std::ranges::all_of(digits, is_hex_digit)) continue;
    text.insert(at, "_x005F");
    at += kForm;
    changed = true;
  }
  return changed ? cell_text(text) : text;
}

}  // namespace

struct XlsxFile::Impl {
  std::string path;
  std::string scratch;
  std::vector<std::string> headings;
  std::uint32_t sheet_rows = 0;
  lxw_workbook* book = nullptr;
  lxw_worksheet* sheet = nullptr;
  int sheets = 0;
  std::uint32_t row = 0;
};

XlsxFile::XlsxFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

XlsxFile::~XlsxFile() {
  // Closing would write the whole file; this gives back its memory and temporary files only.
  if (impl_->book != nullptr) lxw_workbook_free(impl_->book);
}

Result<std::unique_ptr<XlsxFile>> XlsxFile::create(const std::string& path,
                                                   const std::string& scratch,
                                                   std::vector<std::string> headings,
                                                   std::uint32_t sheet_rows) {
  auto impl = std::make_unique<Impl>(Impl{path, scratch, std::move(headings), sheet_rows});
  lxw_workbook_options options = {};
  options.constant_memory = LXW_TRUE;
  options.tmpdir = impl->scratch.data();
  impl->book = workbook_new_opt(impl->path.c_str(), &options);
  if (impl->book == nullptr) return fail(ErrorCode::kInternal, "a workbook cannot be begun");
  std::unique_ptr<XlsxFile> file(new XlsxFile(std::move(impl)));
  if (auto ok = file->begin_sheet(); !ok) return std::unexpected(ok.error());
  return file;
}

Status XlsxFile::begin_sheet() {
  const std::string name = "Sheet" + std::to_string(++impl_->sheets);
  impl_->sheet = workbook_add_worksheet(impl_->book, name.c_str());
  if (impl_->sheet == nullptr) return fail(ErrorCode::kStorageUnavailable, "no room for a sheet");
  impl_->row = 0;
  return write_row(impl_->headings);
}

Status XlsxFile::write_row(const std::vector<std::string>& cells) {
  for (std::size_t column = 0; column < cells.size(); ++column) {
    const std::string text = escaped(cell_text(cells[column]));
    if (text.empty()) continue;
    const auto error = worksheet_write_string(
        impl_->sheet, impl_->row, static_cast<lxw_col_t>(column), text.c_str(), nullptr);
    if (error != LXW_NO_ERROR) return xlsx_error(error);
  }
  ++impl_->row;
  return {};
}

Status XlsxFile::add(const std::vector<std::string>& cells) {
  if (impl_->row >= impl_->sheet_rows) {
    if (auto ok = begin_sheet(); !ok) return ok;
  }
  return write_row(cells);
}

Status XlsxFile::close() {
  const auto error = workbook_close(std::exchange(impl_->book, nullptr));
  if (error != LXW_NO_ERROR) return xlsx_error(error);
  return {};
}

}  // namespace telecine
