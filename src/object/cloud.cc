#include "object/cloud.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "object/backoff.h"
#include "object/xml.h"

namespace telecine::object {
namespace {

constexpr std::int64_t kMostParts = 10'000;
constexpr std::int64_t kPartStep = 8LL << 20;
constexpr Millis kCompleteTimeout = 600'000;
/// Last-Modified has whole seconds.
constexpr Millis kClockGrain = 2'000;

}  // namespace

std::int64_t Cloud::part_size(std::int64_t object_size, std::int64_t least) {
  const std::int64_t needed = (object_size + kMostParts - 1) / kMostParts;
  if (needed <= least) return least;
  return (needed + kPartStep - 1) / kPartStep * kPartStep;
}

Result<CloudHead> Cloud::head(const std::string& key) const {
  Ask ask{.method = "HEAD", .key = key};
  auto told = caller_.ask(ask);
  if (!told) return std::unexpected(told.error());
  CloudHead head;
  head.size = parse_int(find_header(told->headers, "Content-Length")).value_or(-1);
  head.etag = find_header(told->headers, "ETag");
  head.modified = parse_http_date(find_header(told->headers, "Last-Modified")).value_or(0);
  head.type = find_header(told->headers, "Content-Type");
  if (head.size < 0) {
    return std::unexpected(caller_.error_of(CloudFault::kUnavailable, "no Content-Length"));
  }
  return head;
}

Status Cloud::upload(const std::string& key, const std::string& type, int fd, std::int64_t size,
                     const UploadHooks& hooks) const {
  if (size <= caller_.options().put_bytes) return put(key, type, fd, size, hooks);
  const Millis began = now_ms() + caller_.place().endpoint->clock_offset;
  auto upload_id = begin(key, type);
  if (!upload_id) return std::unexpected(upload_id.error());
  Status done;
  if (hooks.begun) done = hooks.begun(*upload_id);
  if (done) {
    auto etags = send_parts(key, *upload_id, fd, size, hooks);
    done = etags ? complete(key, *upload_id, *etags, size, began)
                 : Status(std::unexpected(etags.error()));
  }
  if (!done) {
    // The first error counts, whatever becomes of this.
    (void)abort(key, *upload_id);
  }
  return done;
}

Status Cloud::put(const std::string& key, const std::string& type, int fd, std::int64_t size,
                  const UploadHooks& hooks) const {
  Ask ask{.method = "PUT", .key = key, .fd = fd, .size = size};
  ask.headers = {{"Content-Type", type}};
  if (hooks.sent) ask.on_sent = [&](std::int64_t sent, std::int64_t) { hooks.sent(sent); };
  if (auto told = caller_.ask(ask); !told) return std::unexpected(told.error());
  return check_whole(key, size, 0);
}

Status Cloud::put_text(const std::string& key, const std::string& type,
                       const std::string& text) const {
  Ask ask{.method = "PUT", .key = key, .body = text};
  ask.headers = {{"Content-Type", type}};
  if (auto told = caller_.ask(ask); !told) return std::unexpected(told.error());
  return check_whole(key, static_cast<std::int64_t>(text.size()), 0);
}

Result<std::string> Cloud::begin(const std::string& key, const std::string& type) const {
  Ask ask{.method = "POST", .key = key, .query = {{"uploads"}}};
  ask.headers = {{"Content-Type", type}};
  auto told = caller_.ask(ask);
  if (!told) return std::unexpected(told.error());
  const auto document = parse_xml(told->body);
  std::string id(document ? document->text_of("UploadId") : "");
  if (id.empty()) {
    return std::unexpected(caller_.error_of(CloudFault::kUnavailable, "no upload id"));
  }
  return id;
}

Result<std::vector<std::string>> Cloud::send_parts(const std::string& key,
                                                   const std::string& upload_id, int fd,
                                                   std::int64_t size,
                                                   const UploadHooks& hooks) const {
  const CloudOptions& options = caller_.options();
  const std::int64_t part = part_size(size, options.part_bytes);
  const auto count = static_cast<std::size_t>((size + part - 1) / part);
  std::vector<std::string> etags(count);
  std::vector<std::int64_t> sent(count, 0);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> broken = false;
  std::mutex mutex;  // guards `sent`, `error` and the hook
  std::optional<Error> error;

  const auto send = [&](std::size_t index) -> Status {
    Ask ask{.method = "PUT", .key = key, .fd = fd};
    ask.query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id}};
    ask.offset = static_cast<std::int64_t>(index) * part;
    ask.size = std::min(part, size - ask.offset);
    ask.on_sent = [&, index](std::int64_t bytes, std::int64_t) {
      const std::lock_guard lock(mutex);
      if (bytes <= sent[index]) return;
      sent[index] = bytes;
      std::int64_t total = 0;
      for (const std::int64_t each : sent) total += each;
      if (hooks.sent) hooks.sent(total);
    };
    auto told = caller_.ask(ask);
    if (!told) return std::unexpected(told.error());
    etags[index] = find_header(told->headers, "ETag");
    if (!etags[index].empty()) return {};
    return std::unexpected(caller_.error_of(CloudFault::kUnavailable, "a part without an ETag"));
  };
  {
    std::vector<std::jthread> senders;
    for (int i = 0; i < options.parallel; ++i) {
      senders.emplace_back([&] {
        for (std::size_t index = next++; index < count && !broken; index = next++) {
          const Status done = send(index);
          if (done) continue;
          const std::lock_guard lock(mutex);
          if (!broken.exchange(true)) error = done.error();
        }
      });
    }
  }
  if (error) return std::unexpected(*error);
  return etags;
}

Status Cloud::complete(const std::string& key, const std::string& upload_id,
                       const std::vector<std::string>& etags, std::int64_t size,
                       Millis began) const {
  std::string body = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>";
    append_xml(body, etags[i]);
    body += "</ETag></Part>";
  }
  body += "</CompleteMultipartUpload>";
  const CloudOptions& options = caller_.options();
  Error last = caller_.error_of(CloudFault::kUnavailable, "");
  for (int round = 0; round < options.tries && !options.stop.stop_requested(); ++round) {
    if (round > 0) {
      wait(jittered(round, options.first_backoff, options.most_backoff), options.stop);
    }
    Ask ask{.method = "POST", .key = key, .query = {{"uploadId", upload_id}}, .body = body};
    ask.headers = {{"Content-Type", "application/xml"}};
    ask.limits.stall = 0;  // assembling may take minutes without a byte
    ask.limits.total = kCompleteTimeout;
    ask.expected = {404};
    auto told = caller_.ask(ask);
    if (!told) return std::unexpected(told.error());
    // An earlier try may have been carried out although its answer was lost.
    if (told->status == 404) return check_whole(key, size, began - kClockGrain);
    const auto document = parse_xml(told->body);
    if (document && document->name == "CompleteMultipartUploadResult") {
      return check_whole(key, size, 0);
    }
    // 200 was sent before the outcome was known; the body says that it went wrong.
    const std::string code(document ? document->text_of("Code") : "");
    last = caller_.error_of(CloudFault::kUnavailable, document ? "completing failed" : "");
    if (code == "NoSuchUpload") return check_whole(key, size, began - kClockGrain);
    if (code == "AccessDenied") {
      return std::unexpected(caller_.error_of(CloudFault::kDenied, code));
    }
  }
  if (options.stop.stop_requested()) {
    return fail(ErrorCode::kCancelled, "The transfer was cancelled.");
  }
  return std::unexpected(last);
}

/// The store has all of it, written no earlier than that.
Status Cloud::check_whole(const std::string& key, std::int64_t size, Millis not_before) const {
  auto found = head(key);
  if (!found) return std::unexpected(found.error());
  if (found->size == size && found->modified >= not_before) return {};
  return std::unexpected(
      caller_.error_of(CloudFault::kUnavailable, "the object is not what was sent"));
}

Status Cloud::abort(const std::string& key, const std::string& upload_id) const {
  CloudCaller caller = caller_;
  caller.forget_stop();
  Ask ask{.method = "DELETE", .key = key, .query = {{"uploadId", upload_id}}, .expected = {404}};
  auto told = caller.ask(ask);
  if (!told) return std::unexpected(told.error());
  return {};
}

Status Cloud::remove(const std::string& key) const {
  Ask ask{.method = "DELETE", .key = key, .expected = {404}};
  auto told = caller_.ask(ask);
  if (!told) return std::unexpected(told.error());
  return {};
}

}  // namespace telecine::object
