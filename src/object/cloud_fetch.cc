#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>

#include "base/file_digest.h"
#include "base/text.h"
#include "object/cloud.h"
#include "object/fetch.h"

// Downloads: ranges in parallel into one file.
namespace telecine::object {
namespace {

constexpr int kMostVersions = 2;  ///< how often an object may turn out to be another one

Error disk_error(int number) {
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  return {full ? ErrorCode::kOutOfSpace : ErrorCode::kStorageUnavailable,
          full ? "There is no room to store the file."
               : "The file could not be written to the engine's own storage.",
          {}};
}

/// One version of an object on its way into a file.
class Ranges {
 public:
  Ranges(const CloudCaller& caller, std::string key, CloudHead head, int fd,
         const FetchProgress& progress)
      : caller_(caller),
        key_(std::move(key)),
        head_(std::move(head)),
        fd_(fd),
        progress_(progress) {}

  /// False when the object was changed meanwhile.
  Result<bool> run() {
    const std::int64_t step = caller_.options().range_bytes;
    // The first one alone: it shows whether the server knows ranges at all.
    if (auto got = get(0, std::min(step, head_.size)); !got) return got;
    if (changed_) return false;
    std::atomic<std::int64_t> next = whole_ ? head_.size : step;
    std::optional<Error> error;
    {
      std::vector<std::jthread> getters;
      for (int i = 0; i < caller_.options().parallel; ++i) {
        getters.emplace_back([&] {
          for (auto at = next.fetch_add(step); at < head_.size && !over_;
               at = next.fetch_add(step)) {
            const auto got = get(at, std::min(step, head_.size - at));
            if (got && *got) continue;
            over_ = true;
            const std::lock_guard lock(mutex_);
            if (!got && !error) error = got.error();
          }
        });
      }
    }
    if (error) return std::unexpected(*error);
    return !changed_;
  }

 private:
  /// A broken connection goes on at the last byte.
  Result<bool> get(std::int64_t first, std::int64_t size) {
    if (size == 0) return true;
    std::int64_t received = 0;
    Ask ask{.key = key_, .expected = {412}};
    const auto set_range = [&, this](Ask& asked) {
      asked.headers = {{"Range", "bytes=" + std::to_string(first + received) + "-" +
                                     std::to_string(first + size - 1)}};
      if (!head_.etag.empty()) asked.headers.push_back({"If-Match", head_.etag});
    };
    set_range(ask);
    ask.on_head = [&, this](int status, const Headers& headers) {
      return take_head(status, headers, first + received, ask);
    };
    ask.on_body = [&, this](std::string_view data) {
      return take_body(data, whole_ ? 0 : first, whole_ ? head_.size : size, received, ask);
    };
    ask.on_again = [&, this](Ask& asked) {
      if (whole_) forget(received);
      set_range(asked);
    };
    for (int failures = 0;; ++failures) {
      auto told = caller_.ask(ask);
      if (!told) return std::unexpected(told.error());
      if (told->status == 412) {
        changed_ = true;
        return false;
      }
      if (received >= (whole_ ? head_.size : size)) return true;
      // An answer that ended early and properly.
      if (failures >= caller_.options().tries) {
        return std::unexpected(caller_.error_of(CloudFault::kUnavailable, "an answer too short"));
      }
      ask.on_again(ask);
    }
  }

  bool take_head(int status, const Headers& headers, std::int64_t at, Ask& ask) {
    if (status == 200) {
      if (at == 0 || whole_) return whole_ = true;
      ask.refusal = caller_.error_of(CloudFault::kUnavailable, "no ranges");
      return false;
    }
    const auto range = parse_content_range(find_header(headers, "Content-Range"));
    const bool fits = range && range->first == at && range->total == head_.size;
    if (!fits) ask.refusal = caller_.error_of(CloudFault::kUnavailable, "a wrong range");
    return fits;
  }

  bool take_body(std::string_view data, std::int64_t first, std::int64_t size,
                 std::int64_t& received, Ask& ask) {
    if (static_cast<std::int64_t>(data.size()) > size - received) {
      ask.refusal = caller_.error_of(CloudFault::kUnavailable, "more than was asked for");
      return false;
    }
    while (!data.empty()) {
      const auto n = ::pwrite(fd_, data.data(), data.size(), first + received);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        ask.refusal = disk_error(n == 0 ? ENOSPC : errno);
        return false;
      }
      received += n;
      data.remove_prefix(static_cast<std::size_t>(n));
      const std::lock_guard lock(mutex_);
      done_ += n;
      if (progress_) progress_(done_, head_.size);
    }
    return true;
  }

  void forget(std::int64_t& received) {
    const std::lock_guard lock(mutex_);
    done_ -= received;
    received = 0;
  }

  const CloudCaller& caller_;
  const std::string key_;
  const CloudHead head_;
  int fd_;
  const FetchProgress& progress_;
  std::mutex mutex_;  ///< guards done_ and the progress hook
  std::int64_t done_ = 0;
  std::atomic<bool> whole_ = false;  ///< the server sends everything at once
  std::atomic<bool> changed_ = false;
  std::atomic<bool> over_ = false;
};

}  // namespace

Result<Fetched> Cloud::fetch(const std::string& key, int fd, std::int64_t max_bytes,
                             const FetchProgress& progress) const {
  for (int version = 0; version < kMostVersions; ++version) {
    auto found = head(key);
    if (!found) return std::unexpected(found.error());
    if (found->size > max_bytes) {
      return fail(ErrorCode::kInputTooLarge,
                  "The file is larger than the " + human_bytes(max_bytes) + " allowed.");
    }
    if (::ftruncate(fd, 0) != 0 || ::ftruncate(fd, found->size) != 0) {
      return std::unexpected(disk_error(errno));
    }
    auto whole = Ranges(caller_, key, *found, fd, progress).run();
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) continue;
    auto md5 = md5_of(fd, {});
    if (!md5) return std::unexpected(md5.error());
    const auto slash = key.rfind('/');
    const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
    return Fetched{found->size, *md5, found->type, printable(name, 200)};
  }
  return fail(ErrorCode::kInputUnreachable, "The file changed while it was being read.");
}

}  // namespace telecine::object
