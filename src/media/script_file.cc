// A script between two runs of this program, and nobody else's: the lengths and times as they lie
// in memory, each text behind its length.

#include <unistd.h>

#include <algorithm>

#include "media/io.h"
#include "media/script.h"

namespace telecine::media {
namespace {

constexpr std::string_view kMark = "telecine script 2\n";
constexpr std::int64_t kMostFileBytes = 192 << 20;  // a script is less; see script.cc

void put(std::string& out, std::int64_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::int64_t>(text.size()));
  out += text;
}

std::unexpected<Error> torn() {
  return fail(ErrorCode::kInternal, "the subtitles that were read are not whole");
}

/// Takes what `put` put. What is not there reads as nothing, and is remembered.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : left_(bytes) {}

  std::int64_t number() {
    const std::string_view bytes = take(sizeof(std::int64_t));
    std::int64_t value = 0;
    std::ranges::copy(bytes, reinterpret_cast<char*>(&value));
    return value;
  }
  std::string text() { return std::string(take(number())); }
  bool at_end() const { return left_.empty(); }
  bool torn() const { return torn_; }

 private:
  std::string_view take(std::int64_t count) {
    if (count < 0 || static_cast<std::size_t>(count) > left_.size()) {
      torn_ = true;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(count));
    left_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view left_;
  bool torn_ = false;
};

Result<std::string> read_whole(int fd) {
  const auto size = file_size(fd);
  if (!size) return std::unexpected(size.error());
  if (*size > kMostFileBytes) return torn();
  std::string bytes(static_cast<std::size_t>(*size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got <= 0) return torn();
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

std::string script_name(int stream) {
  return "script/" + std::to_string(stream);
}

Result<OutputFile> write_script(OutputFiles& files, const std::string& name, const Script& script) {
  std::string bytes(kMark);
  put(bytes, script.bitmaps);
  put(bytes, script.screen.width);
  put(bytes, script.screen.height);
  put(bytes, script.head);
  for (const Script::Line& line : script.lines) {
    put(bytes, line.start);
    put(bytes, line.length);
    put(bytes, line.text);
  }
  auto fd = files.create(name);
  if (!fd) return std::unexpected(fd.error());
  if (auto ok = write_whole(fd->get(), bytes); !ok) return std::unexpected(ok.error());
  return OutputFile{
      name, {}, "application/octet-stream", static_cast<std::int64_t>(bytes.size()), {}};
}

Result<Script> reopen_script(OutputFiles& files, const std::string& name) {
  auto fd = files.open(name);
  if (!fd) return std::unexpected(fd.error());
  const auto bytes = read_whole(fd->get());
  if (!bytes) return std::unexpected(bytes.error());
  if (!bytes->starts_with(kMark)) return torn();
  Taker in(std::string_view(*bytes).substr(kMark.size()));
  Script script;
  script.bitmaps = static_cast<AVCodecID>(in.number());
  script.screen.width = static_cast<int>(in.number());
  script.screen.height = static_cast<int>(in.number());
  script.head = in.text();
  while (!in.at_end()) {
    Script::Line& line = script.lines.emplace_back();
    line.start = in.number();
    line.length = in.number();
    line.text = in.text();
  }
  if (in.torn()) return torn();
  return script;
}

}  // namespace telecine::media
