#include "app/upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "app/progress_bar.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/text.h"
#include "task/spec.h"

namespace telecine::app {
namespace {

constexpr int kTries = 8;
constexpr Millis kFirstPause = 500;
constexpr Millis kMostPause = 15'000;
/// What is sent at once when an upload is continued: from the start it is the whole file.
constexpr std::size_t kPiece = 32 << 20;
const object::Header kVersionHeader{"Tus-Resumable", "1.0.0"};

/// One file on its way.
class Upload {
 public:
  Upload(const Client& client, Fd file, std::int64_t size, std::string name)
      : client_(client),
        file_(std::move(file)),
        size_(size),
        name_(std::move(name)),
        bar_("Uploading") {}

  Result<std::string> run() {
    if (auto made = create(); !made) return std::unexpected(made.error());
    while (file_id_.empty()) {
      const std::int64_t before = offset_;
      auto sent = send();
      if (!sent) {
        if (!is_connection_trouble(sent.error()) && sent.error().code != ErrorCode::kConflict) {
          return std::unexpected(sent.error());
        }
        if (auto found = find_offset(sent.error()); !found) return std::unexpected(found.error());
      }
      if (offset_ > before) failures_ = 0;
      if (offset_ == size_ && file_id_.empty()) {
        if (auto asked = ask_file(); !asked) return std::unexpected(asked.error());
      }
    }
    return std::string(kFileIdScheme) + file_id_;
  }

 private:
  Status create() {
    Client::Extra extra;
    extra.headers = {kVersionHeader,
                     {"Upload-Length", std::to_string(size_)},
                     {"Upload-Metadata", "filename " + base64(name_)}};
    auto made = client_.call("POST", "/api/v1/uploads", extra);
    if (!made) return std::unexpected(made.error());
    path_ = client_.path_of(object::find_header(made->headers, "Location"));
    if (!path_.empty()) return {};
    return fail(ErrorCode::kInternal, "the server did not say where to upload to");
  }

  /// The whole file when nothing is there yet, else a piece from the offset.
  Status send() {
    Client::Extra extra;
    extra.total = 0;
    extra.headers = {kVersionHeader,
                     {"Content-Type", "application/offset+octet-stream"},
                     {"Upload-Offset", std::to_string(offset_)}};
    const std::int64_t from = offset_;
    extra.on_sent = [&](std::int64_t sent, std::int64_t) { show(from + sent); };
    std::string piece;
    if (from == 0) {
      extra.body_fd = file_.get();
    } else {
      auto read = read_piece();
      if (!read) return std::unexpected(read.error());
      piece = std::move(*read);
      extra.body = piece;
    }
    const auto answer = client_.call("PATCH", path_, extra);
    if (!answer) return std::unexpected(answer.error());
    const auto offset = parse_int(object::find_header(answer->headers, "Upload-Offset"));
    if (!offset || *offset <= from) {
      return fail(ErrorCode::kInternal, "the server did not say how much it has");
    }
    offset_ = *offset;
    file_id_ = object::find_header(answer->headers, "Telecine-File");
    return {};
  }

  Result<std::string> read_piece() const {
    std::string piece(std::min<std::size_t>(kPiece, static_cast<std::size_t>(size_ - offset_)), 0);
    std::size_t filled = 0;
    while (filled < piece.size()) {
      const auto n = ::pread(file_.get(), piece.data() + filled, piece.size() - filled,
                             offset_ + static_cast<std::int64_t>(filled));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(ErrorCode::kInternal, "the file became shorter while it was sent");
      filled += static_cast<std::size_t>(n);
    }
    return piece;
  }

  /// After `trouble`: waits longer each time and asks how much has arrived.
  Status find_offset(const Error& trouble) {
    while (true) {
      if (++failures_ >= kTries) return std::unexpected(trouble);
      bar_.clear();
      std::fprintf(stderr, "The connection broke; continuing (try %d of %d)\n", failures_ + 1,
                   kTries);
      const Millis pause = std::min(kMostPause, kFirstPause << (failures_ - 1));
      std::this_thread::sleep_for(std::chrono::milliseconds(pause));
      Client::Extra extra;
      extra.headers = {kVersionHeader};
      const auto answer = client_.call("HEAD", path_, extra);
      if (!answer && !is_connection_trouble(answer.error())) {
        return std::unexpected(answer.error());
      }
      if (!answer) continue;
      const auto offset = parse_int(object::find_header(answer->headers, "Upload-Offset"));
      if (!offset || *offset > size_) {
        return fail(ErrorCode::kInternal, "the server did not say how much it has");
      }
      offset_ = *offset;
      restart_rate();
      return {};
    }
  }

  /// The answer that said which file it became was lost.
  Status ask_file() {
    const auto document = client_.call_json("GET", path_, nullptr, {kVersionHeader});
    if (!document) return std::unexpected(document.error());
    file_id_ = LooseReader(*document).text("file");
    if (!file_id_.empty()) return {};
    return fail(ErrorCode::kInternal, "the upload is complete but became no file; send it again");
  }

  void restart_rate() {
    bar_.restart();
    since_ = 0;
  }

  void show(std::int64_t sent) {
    const Millis now = steady_ms();
    if (since_ == 0) {
      since_ = now;
      first_ = sent;
    }
    std::string note = human_bytes(sent) + " of " + human_bytes(size_);
    if (now > since_ && sent > first_) {
      note += ", " + human_bytes((sent - first_) * 1000 / (now - since_)) + "/s";
    }
    bar_.update(static_cast<double>(sent) / static_cast<double>(size_), note);
  }

  const Client& client_;
  Fd file_;
  std::int64_t size_;
  std::string name_;
  ProgressBar bar_;
  std::string path_;
  std::int64_t offset_ = 0;
  std::string file_id_;
  int failures_ = 0;
  Millis since_ = 0;
  std::int64_t first_ = 0;
};

}  // namespace

Result<std::string> upload(const Client& client, const std::string& path) {
  auto file = open_file(path, O_RDONLY);
  if (!file) {
    return fail(ErrorCode::kNotFound,
                file.error().message + "; give a file of this machine or a URL");
  }
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::kInvalidParameter, path + " is not a regular file");
  }
  if (facts.st_size == 0) return fail(ErrorCode::kInvalidParameter, path + " is empty");
  const std::string name = std::filesystem::path(path).filename().string();
  return Upload(client, std::move(*file), facts.st_size, name).run();
}

}  // namespace telecine::app
