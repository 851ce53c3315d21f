#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "base/fs.h"
#include "base/pool.h"
#include "object/local.h"
#include "store/store.h"

namespace telecine {

struct UploadState {
  std::string id;  ///< 32 hex digits
  std::string name;
  std::int64_t length = 0;  ///< announced
  std::int64_t offset = 0;  ///< arrived
  std::optional<Id> file;   ///< once it is complete
};

/// Uploaded files: bytes go straight to disk, in one request or in several that may break off at
/// any byte. Thread-safe.
class Files {
 public:
  Files(Store& store, const object::LocalObjects& objects, std::string data_dir,
        std::int64_t max_bytes, std::int64_t min_free, Millis upload_retention = 0);

  /// One request's worth of an upload. Used by one thread; dropping it keeps what was written of a
  /// resumable upload and deletes the rest.
  class Upload {
   public:
    ~Upload();
    Status write(std::string_view piece);
    /// The request's body has ended. For a complete upload the answer comes after its bytes and
    /// its record are durable, with the file set.
    void finish(Store::Done<UploadState> done);

   private:
    friend class Files;
    explicit Upload(Files& files) : files_(files) {}
    Files& files_;
    std::string account_;
    UploadState state_;
    Fd fd_;
    bool resumable_ = false;
    bool done_ = false;
  };

  /// A whole file in one request of unknown or known length.
  Result<std::unique_ptr<Upload>> receive(const std::string& account, const std::string& name,
                                          std::optional<std::int64_t> length);

  void create_upload(const std::string& account, const std::string& name, std::int64_t length,
                     Store::Done<UploadState> done);
  Result<UploadState> upload_state(const std::string& account, const std::string& id);
  /// kConflict when `offset` is not where the upload stands or somebody else is writing.
  Result<std::unique_ptr<Upload>> append(const std::string& account, const std::string& id,
                                         std::int64_t offset);
  void remove_upload(const std::string& account, const std::string& id, Store::Done<bool> done);

  Result<File> get(const std::string& account, Id id);
  Result<File> get_by_key(const std::string& account, std::int64_t key);
  Result<std::vector<File>> list(const std::string& account, std::int64_t before_key, int limit);
  Result<Fd> open(const File& file);
  void remove(const std::string& account, Id id, Store::Done<bool> done);

  /// Forgets uploads nobody has written to since `before`.
  void sweep(Millis before);
  /// Deletes objects older than `before` that no task and no file has: their bytes were written,
  /// and a crash came before the commit that would have named them.
  void collect(Millis before, const std::stop_token& stop);

 private:
  Record record_of(const std::string& account, const UploadState& state) const;
  std::string directory_of(const std::string& id) const { return directory_ + "/" + id; }
  void let_go(const std::string& id);
  Status check_room(std::int64_t more) const;
  void complete(std::string account, UploadState state, bool resumable,
                Store::Done<UploadState> done);

  Store& store_;
  const object::LocalObjects& objects_;
  std::string directory_;
  std::int64_t max_bytes_;
  std::int64_t min_free_;
  Millis upload_retention_;
  std::mutex mutex_;
  std::set<std::string> writing_;  ///< uploads a request is appending to
  Pool pool_{2};
};

}  // namespace telecine
