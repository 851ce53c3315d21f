#include "work/zip_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <vector>

#include "base/fs.h"

namespace telecine {
namespace {

constexpr std::uint32_t kLocalHeader = 0x0403'4B50;
constexpr std::uint32_t kDescriptor = 0x0807'4B50;
constexpr std::uint32_t kDirectoryHeader = 0x0201'4B50;
constexpr std::uint32_t kDirectoryEnd = 0x0605'4B50;
constexpr std::uint16_t kVersion = 20;
/// Sizes follow the data; names are UTF-8.
constexpr std::uint16_t kFlags = 0x0808;
constexpr std::uint16_t kDeflated = 8;
/// 1980-01-01, the first day there is: the same content is the same archive.
constexpr std::uint32_t kNoTime = 0x0021'0000;

/// Of text as repetitive as a workbook's, zlib's default takes twice the time to save 6 % more.
constexpr int kLevel = 3;

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value & 0xFF);
  out += static_cast<char>(value >> 8);
}
void put32(std::string& out, std::uint64_t value) {
  put16(out, static_cast<std::uint16_t>(value & 0xFFFF));
  put16(out, static_cast<std::uint16_t>(value >> 16 & 0xFFFF));
}

struct Entry {
  std::string name;
  std::uint64_t offset = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0;
  std::uint64_t size = 0;
};

void put_sums(std::string& out, const Entry& entry) {
  put32(out, entry.crc);
  put32(out, entry.packed);
  put32(out, entry.size);
}

/// What the local header and the directory have in common, up to the sums.
void put_start(std::string& out) {
  put16(out, kVersion);
  put16(out, kFlags);
  put16(out, kDeflated);
  put32(out, kNoTime);
}

}  // namespace

struct ZipFile::Impl {
  std::string path;
  Fd fd;
  std::uint64_t written = 0;
  z_stream stream{};
  std::vector<Entry> entries;
  bool open = false;  ///< an entry is being written
  std::array<unsigned char, 1 << 16> packed{};

  ~Impl() { deflateEnd(&stream); }
  Status put(std::string_view bytes);
  Status pack(std::string_view data, int flush);
  Status end_entry();
};

Status ZipFile::Impl::put(std::string_view bytes) {
  if (written + bytes.size() > kMaxEntry) {
    return fail(ErrorCode::kResourceLimit, "the archive would be larger than 4 GiB");
  }
  written += bytes.size();
  return write_all(fd.get(), bytes);
}

Status ZipFile::Impl::pack(std::string_view data, int flush) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  do {
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, flush);
    const std::size_t size = packed.size() - stream.avail_out;
    entries.back().packed += size;
    if (auto ok = put({reinterpret_cast<const char*>(packed.data()), size}); !ok) return ok;
  } while (stream.avail_out == 0);
  return {};
}

Status ZipFile::Impl::end_entry() {
  if (!open) return {};
  open = false;
  if (auto ok = pack({}, Z_FINISH); !ok) return ok;
  std::string descriptor;
  put32(descriptor, kDescriptor);
  put_sums(descriptor, entries.back());
  return put(descriptor);
}

ZipFile::ZipFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ZipFile::~ZipFile() {
  if (impl_->fd) ::unlink(impl_->path.c_str());
}

Result<std::unique_ptr<ZipFile>> ZipFile::create(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  if (!fd) return std::unexpected(fd.error());
  impl->fd = std::move(*fd);
  constexpr int kRaw = -MAX_WBITS;
  constexpr int kMemory = 8;
  if (deflateInit2(&impl->stream, kLevel, Z_DEFLATED, kRaw, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::kResourceLimit, "no memory to compress with");
  }
  return std::unique_ptr<ZipFile>(new ZipFile(std::move(impl)));
}

Status ZipFile::begin_entry(const std::string& name) {
  if (auto ok = impl_->end_entry(); !ok) return ok;
  deflateReset(&impl_->stream);
  impl_->entries.push_back({.name = name, .offset = impl_->written});
  impl_->open = true;
  std::string header;
  put32(header, kLocalHeader);
  put_start(header);
  put_sums(header, {});
  put16(header, static_cast<std::uint16_t>(name.size()));
  put16(header, 0);
  return impl_->put(header + name);
}

Status ZipFile::write(std::string_view data) {
  if (data.empty()) return {};
  Entry& entry = impl_->entries.back();
  if (entry.size + data.size() > kMaxEntry) {
    return fail(ErrorCode::kResourceLimit, "a file of the archive would be larger than 4 GiB");
  }
  entry.crc = static_cast<std::uint32_t>(crc32_z(
      entry.crc, reinterpret_cast<const Bytef*>(data.data()), static_cast<z_size_t>(data.size())));
  entry.size += data.size();
  return impl_->pack(data, Z_NO_FLUSH);
}

std::uint64_t ZipFile::entry_size() const {
  return impl_->entries.back().size;
}

Status ZipFile::finish() {
  if (auto ok = impl_->end_entry(); !ok) return ok;
  const std::uint64_t start = impl_->written;
  std::string directory;
  for (const Entry& entry : impl_->entries) {
    put32(directory, kDirectoryHeader);
    put16(directory, kVersion);  // made by
    put_start(directory);
    put_sums(directory, entry);
    put16(directory, static_cast<std::uint16_t>(entry.name.size()));
    directory.append(12, '\0');  // no extra field, comment, other disk or attributes
    put32(directory, entry.offset);
    directory += entry.name;
  }
  const std::uint64_t size = directory.size();
  const auto count = static_cast<std::uint16_t>(impl_->entries.size());
  put32(directory, kDirectoryEnd);
  put32(directory, 0);  // one disk
  put16(directory, count);
  put16(directory, count);
  put32(directory, size);
  put32(directory, start);
  put16(directory, 0);  // no comment
  if (auto ok = impl_->put(directory); !ok) return ok;
  impl_->fd.reset();
  return {};
}

}  // namespace telecine
