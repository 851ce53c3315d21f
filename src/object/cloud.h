#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object/cloud_call.h"
#include "object/http_client.h"

namespace telecine::object {

struct CloudHead {
  std::int64_t size = 0;
  std::string etag;  ///< opaque
  Millis modified = 0;
  std::string type;
};

/// Asked and told during an upload, possibly from several threads, one at a time.
struct UploadHooks {
  /// A multipart upload has begun and no part was sent yet: whoever must be able to abort it after
  /// a crash remembers the id now. An error ends (and aborts) the upload.
  std::function<Status(const std::string& upload_id)> begun{};
  std::function<void(std::int64_t sent)> sent{};
};

/// The operations of one bucket, over every vendor alike. Calls block; an object serves one thread
/// at a time. Errors are those of CloudCaller::ask.
///
///     Cloud cloud(place, CloudUse::kWrite, {.stop = stop});
///     auto done = cloud.upload("out/a.mp4", "video/mp4", fd, size, {.begun = remember});
class Cloud {
 public:
  Cloud(Place place, CloudUse use, CloudOptions options)
      : caller_(std::move(place), use, std::move(options)) {}

  Result<CloudHead> head(const std::string& key) const;

  /// The whole object into an empty file open for reading and writing: ranges in parallel, each
  /// only of the same version of the object. kInputTooLarge above `max_bytes`; kOutOfSpace.
  Result<Fetched> fetch(const std::string& key, int fd, std::int64_t max_bytes,
                        const FetchProgress& progress) const;

  /// The object is there, whole, when this succeeds; otherwise nothing of it is. An existing one is
  /// replaced.
  Status upload(const std::string& key, const std::string& type, int fd, std::int64_t size,
                const UploadHooks& hooks) const;
  /// The same of a text.
  Status put_text(const std::string& key, const std::string& type, const std::string& text) const;

  /// Ends an upload that is not to be completed. An unknown one is fine.
  Status abort(const std::string& key, const std::string& upload_id) const;
  /// Absent is fine.
  Status remove(const std::string& key) const;

  /// The least multiple of 8 MiB, at least `least`, with which the object has at most 10,000 parts.
  static std::int64_t part_size(std::int64_t object_size, std::int64_t least);

 private:
  Status put(const std::string& key, const std::string& type, int fd, std::int64_t size,
             const UploadHooks& hooks) const;
  Result<std::string> begin(const std::string& key, const std::string& type) const;
  Result<std::vector<std::string>> send_parts(const std::string& key, const std::string& upload_id,
                                              int fd, std::int64_t size,
                                              const UploadHooks& hooks) const;
  Status complete(const std::string& key, const std::string& upload_id,
                  const std::vector<std::string>& etags, std::int64_t size, Millis began) const;
  Status check_whole(const std::string& key, std::int64_t size, Millis not_before) const;

  CloudCaller caller_;
};

}  // namespace telecine::object
