#include "work/xlsx_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "work/export_columns.h"

namespace telecine {
namespace {

constexpr std::string_view kHead =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const std::string kMain = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const std::string kOffice = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const std::string kPackage = "http://schemas.openxmlformats.org/package/2006/";
const std::string kContent = "application/vnd.openxmlformats-officedocument.spreadsheetml.";

std::string package_relations() {
  return "<Relationships xmlns=\"" + kPackage +
         "relationships\"><Relationship Id=\"rId1\" Type=\"" + kOffice +
         "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
}

/// The one style that every cell has.
std::string styles() {
  return "<styleSheet xmlns=\"" + kMain +
         "\"><fonts count=\"1\"><font><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/>"
         "</font></fonts><fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill>"
         "<patternFill patternType=\"gray125\"/></fill></fills><borders count=\"1\"><border><left/>"
         "<right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count=\"1\"><xf "
         "numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs><cellXfs "
         "count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>"
         "</cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" "
         "builtinId=\"0\"/></cellStyles></styleSheet>";
}

std::string sheet_start() {
  return "<worksheet xmlns=\"" + kMain + "\" xmlns:r=\"" + kOffice + "\"><sheetData>";
}
constexpr std::string_view kSheetEnd = "</sheetData></worksheet>";

/// `each` once a sheet, with its number in place of every '#'.
std::string repeated(std::string_view each, int sheets) {
  std::string out;
  for (int sheet = 1; sheet <= sheets; ++sheet) {
    for (const char c : each) {
      if (c == '#')
        out += std::to_string(sheet);
      else
        out += c;
    }
  }
  return out;
}

std::string workbook(int sheets) {
  return "<workbook xmlns=\"" + kMain + "\" xmlns:r=\"" + kOffice + "\"><sheets>" +
         repeated("<sheet name=\"Sheet#\" sheetId=\"#\" r:id=\"rId#\"/>", sheets) +
         "</sheets></workbook>";
}

std::string workbook_relations(int sheets) {
  return "<Relationships xmlns=\"" + kPackage + "relationships\">" +
         repeated("<Relationship Id=\"rId#\" Type=\"" + kOffice +
                      "/worksheet\" Target=\"worksheets/sheet#.xml\"/>",
                  sheets) +
         "<Relationship Id=\"styles\" Type=\"" + kOffice +
         "/styles\" Target=\"styles.xml\"/></Relationships>";
}

std::string content_types(int sheets) {
  return "<Types xmlns=\"" + kPackage +
         "content-types\"><Default Extension=\"rels\" "
         "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default "
         "Extension=\"xml\" ContentType=\"application/xml\"/><Override "
         "PartName=\"/xl/workbook.xml\" "
         "ContentType=\"" +
         kContent + "sheet.main+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"" +
         kContent + "styles+xml\"/>" +
         repeated("<Override PartName=\"/xl/worksheets/sheet#.xml\" ContentType=\"" + kContent +
                      "worksheet+xml\"/>",
                  sheets) +
         "</Types>";
}

/// "A" … "Z", "AA", …
std::string column_name(std::size_t column) {
  std::string name;
  for (std::size_t left = column + 1; left > 0; left = (left - 1) / 26) {
    name.insert(name.begin(), static_cast<char>('A' + (left - 1) % 26));
  }
  return name;
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/// Readers take "_x000D_" in a cell for an escaped character: text that looks like one has its
/// own first underscore escaped.
std::string escaped(std::string text) {
  constexpr std::size_t kForm = 7;
  for (std::size_t at = text.find("_x"); at != std::string::npos; at = text.find("_x", at + 1)) {
    if (at + kForm > text.size()) break;
    const auto digits = std::string_view(text).substr(at + 2, 4);
    if (text[at + 6] != '_' || !std::ranges::all_of(digits, is_hex_digit)) continue;
    text.insert(at, "_x005F");
    at += kForm;
  }
  return text;
}

bool has_outer_blank(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  return kBlanks.find(text.front()) != std::string_view::npos ||
         kBlanks.find(text.back()) != std::string_view::npos;
}

}  // namespace

XlsxFile::XlsxFile(std::unique_ptr<ZipFile> zip, std::vector<std::string> headings, Limits limits)
    : zip_(std::move(zip)), headings_(std::move(headings)), limits_(limits) {
  for (std::size_t i = 0; i < headings_.size(); ++i) columns_.push_back(column_name(i));
}

Result<std::unique_ptr<XlsxFile>> XlsxFile::create(const std::string& path,
                                                   std::vector<std::string> headings,
                                                   Limits limits) {
  auto zip = ZipFile::create(path);
  if (!zip) return std::unexpected(zip.error());
  std::unique_ptr<XlsxFile> file(new XlsxFile(std::move(*zip), std::move(headings), limits));
  // First, because that is how many tell a workbook from other archives.
  auto ok = file->write_file("_rels/.rels", package_relations());
  if (ok) ok = file->write_file("xl/styles.xml", styles());
  if (ok) ok = file->begin_sheet();
  if (!ok) return std::unexpected(ok.error());
  return file;
}

Status XlsxFile::begin_sheet() {
  const std::string name = "xl/worksheets/sheet" + std::to_string(++sheets_) + ".xml";
  if (auto ok = zip_->begin_entry(name); !ok) return ok;
  text_ = kHead;
  text_ += sheet_start();
  row_ = 0;
  return write_row(headings_);
}

Status XlsxFile::end_sheet() {
  text_ += kSheetEnd;
  return flush();
}

Status XlsxFile::flush() {
  auto ok = zip_->write(text_);
  text_.clear();
  return ok;
}

Status XlsxFile::write_row(const std::vector<std::string>& cells) {
  constexpr std::size_t kPiece = 1 << 16;
  const std::string number = std::to_string(++row_);
  text_.append("<row r=\"").append(number).append("\">");
  for (std::size_t column = 0; column < std::min(cells.size(), columns_.size()); ++column) {
    const std::string text = escaped(cell_text(cells[column]));
    if (text.empty()) continue;
    text_.append("<c r=\"").append(columns_[column]).append(number);
    text_ += has_outer_blank(text) ? "\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
                                   : "\" t=\"inlineStr\"><is><t>";
    append_xml(text_, text);
    text_ += "</t></is></c>";
  }
  text_ += "</row>";
  return text_.size() < kPiece ? Status() : flush();
}

Status XlsxFile::add(const std::vector<std::string>& cells) {
  if (row_ >= limits_.rows || zip_->entry_size() >= limits_.bytes) {
    if (auto ok = end_sheet(); !ok) return ok;
    if (auto ok = begin_sheet(); !ok) return ok;
  }
  return write_row(cells);
}

Status XlsxFile::write_file(const std::string& name, const std::string& text) {
  if (auto ok = zip_->begin_entry(name); !ok) return ok;
  if (auto ok = zip_->write(kHead); !ok) return ok;
  return zip_->write(text);
}

Status XlsxFile::close() {
  auto ok = end_sheet();
  if (ok) ok = write_file("xl/workbook.xml", workbook(sheets_));
  if (ok) ok = write_file("xl/_rels/workbook.xml.rels", workbook_relations(sheets_));
  if (ok) ok = write_file("[Content_Types].xml", content_types(sheets_));
  if (ok) ok = zip_->finish();
  return ok;
}

}  // namespace telecine
