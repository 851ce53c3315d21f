// Bare libxlsxwriter in constant-memory mode: a file of cells, a row a line and a tab between two
// cells, becomes a workbook. Prints {"rows":…,"cpu_seconds":…,"peak_kib":…}.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include <cstdio>
#include <cstring>

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Writes the cells of one line, whose separators become ends of strings. False on an error.
bool write_row(lxw_worksheet* sheet, lxw_row_t row, char* at, char* end) {
  for (lxw_col_t column = 0; at <= end; ++column) {
    auto* tab = static_cast<char*>(std::memchr(at, '\t', static_cast<std::size_t>(end - at)));
    char* stop = tab != nullptr ? tab : end;
    *stop = '\0';
    if (stop > at && worksheet_write_string(sheet, row, column, at, nullptr) != LXW_NO_ERROR) {
      return false;
    }
    at = stop + 1;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "xlsx_bench CELLS WORKBOOK SCRATCH\n");
    return 2;
  }
  const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  struct stat facts{};
  if (fd < 0 || ::fstat(fd, &facts) != 0) {
    std::perror(argv[1]);
    return 1;
  }
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) {
    std::perror("mmap");
    return 1;
  }
  auto* at = static_cast<char*>(mapped);
  char* const end = at + size;

  lxw_workbook_options options = {};
  options.constant_memory = LXW_TRUE;
  options.tmpdir = argv[3];
  lxw_workbook* book = workbook_new_opt(argv[2], &options);
  lxw_worksheet* sheet = workbook_add_worksheet(book, "Sheet1");
  lxw_row_t row = 0;
  while (at < end) {
    auto* line_end = static_cast<char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (line_end == nullptr || !write_row(sheet, row, at, line_end)) {
      std::fprintf(stderr, "row %u cannot be written\n", row + 1);
      return 1;
    }
    ++row;
    at = line_end + 1;
  }
  if (const auto error = workbook_close(book); error != LXW_NO_ERROR) {
    std::fprintf(stderr, "%s\n", lxw_strerror(error));
    return 1;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"rows\":%u,\"cpu_seconds\":%.3f,\"peak_kib\":%ld}\n", row,
              seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
}
