#include "service/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/crypto.h"
#include "base/file_digest.h"
#include "base/log.h"
#include "base/text.h"

namespace telecine {
namespace {

constexpr auto kUploadRecord = "upload";
constexpr auto kBytes = "source";

std::unexpected<Error> no_upload() {
  return fail(ErrorCode::kNotFound, "there is no such upload; it may have been swept away");
}

bool is_upload_id(std::string_view id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Files::Files(Store& store, const object::LocalObjects& objects, std::string data_dir,
             std::int64_t max_bytes, std::int64_t min_free, Millis upload_retention)
    : store_(store),
      objects_(objects),
      directory_(std::move(data_dir) + "/uploads"),
      max_bytes_(max_bytes),
      min_free_(min_free),
      upload_retention_(upload_retention) {}

/// Written anew with each request about the upload, so that it outlives the last by the retention.
Record Files::record_of(const std::string& account, const UploadState& state) const {
  return {kUploadRecord,
          account,
          state.id,
          {{"name", state.name}, {"length", state.length}},
          upload_retention_ > 0 ? now_ms() + upload_retention_ : 0};
}

Status Files::check_room(std::int64_t more) const {
  if (more > max_bytes_) {
    return fail(ErrorCode::kInputTooLarge,
                "files may have at most " + human_bytes(max_bytes_) + " (worker.max_input)");
  }
  if (free_bytes(directory_) - more < min_free_) {
    return fail(ErrorCode::kOutOfSpace, "the server has no room for " + human_bytes(more) +
                                            " more; delete files or try again later");
  }
  return {};
}

Files::Upload::~Upload() {
  if (done_) return;
  if (resumable_) {
    files_.let_go(state_.id);
  } else {
    remove_tree(files_.directory_of(state_.id));
  }
}

Status Files::Upload::write(std::string_view piece) {
  const auto size = static_cast<std::int64_t>(piece.size());
  const std::int64_t end = state_.offset + size;
  if (end > (state_.length >= 0 ? state_.length : files_.max_bytes_)) {
    return fail(ErrorCode::kInputTooLarge, state_.length >= 0
                                               ? "the body is longer than the upload announced"
                                               : "the file is larger than the server accepts");
  }
  constexpr std::int64_t kCheckEvery = 64 << 20;
  if (state_.offset / kCheckEvery != end / kCheckEvery) {
    if (auto room = files_.check_room(0); !room) return room;
  }
  if (auto written = write_all(fd_.get(), piece); !written) return written;
  state_.offset = end;
  return {};
}

void Files::let_go(const std::string& id) {
  const std::lock_guard lock(mutex_);
  writing_.erase(id);
}

void Files::Upload::finish(Store::Done<UploadState> done) {
  if (state_.file) return done(state_);
  if (state_.length >= 0 && state_.offset < state_.length) {
    if (resumable_) return done(state_);
    return done(fail(ErrorCode::kInvalidParameter, "the body ended before its announced length"));
  }
  fd_.reset();
  done_ = true;
  files_.complete(account_, state_, resumable_,
                  [&files = files_, id = state_.id, done = std::move(done)](auto result) {
                    files.let_go(id);
                    done(std::move(result));
                  });
}

/// Makes the bytes a durable object and the file a record. May be repeated after a crash at any
/// point: the object is found again under the upload's id.
void Files::complete(std::string account, UploadState state, bool resumable,
                     Store::Done<UploadState> done) {
  pool_.post([this, account = std::move(account), state = std::move(state), resumable,
              done = std::move(done)]() mutable {
    const std::string directory = directory_of(state.id);
    auto fd = open_file(directory + "/" + kBytes, O_RDONLY);
    const bool moved = !fd;
    if (moved) fd = objects_.open(state.id, kBytes);
    if (!fd) return done(std::unexpected(fd.error()));
    auto md5 = md5_of(fd->get(), {});
    if (!md5) return done(std::unexpected(md5.error()));
    if (!moved) {
      const std::string name = kBytes;
      auto published = objects_.publish(directory, state.id, std::span(&name, 1));
      if (!published) return done(std::unexpected(published.error()));
      remove_tree(directory);
    }
    File file;
    file.account = account;
    file.name = state.name;
    file.object = state.id;
    file.size = state.offset;
    file.md5 = std::move(*md5);
    std::optional<Record> record;
    if (resumable) record = record_of(account, state);
    store_.create_file(std::move(file), std::move(record),
                       [state, done = std::move(done)](Result<File> made) mutable {
                         if (!made) return done(std::unexpected(made.error()));
                         state.file = made->id;
                         done(state);
                       });
  });
}

Result<std::unique_ptr<Files::Upload>> Files::receive(const std::string& account,
                                                      const std::string& name,
                                                      std::optional<std::int64_t> length) {
  if (auto room = check_room(length.value_or(0)); !room) return std::unexpected(room.error());
  std::unique_ptr<Upload> upload(new Upload(*this));
  upload->account_ = account;
  upload->state_ = {telecine::hex(random_bytes(16)), name, length.value_or(-1), 0, {}};
  if (auto made = make_directories(directory_of(upload->state_.id)); !made) {
    return std::unexpected(made.error());
  }
  auto fd = open_file(directory_of(upload->state_.id) + "/" + kBytes, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  upload->fd_ = std::move(*fd);
  return upload;
}

void Files::create_upload(const std::string& account, const std::string& name, std::int64_t length,
                          Store::Done<UploadState> done) {
  if (auto room = check_room(length); !room) return done(std::unexpected(room.error()));
  UploadState state{telecine::hex(random_bytes(16)), name, length, 0, {}};
  const std::string directory = directory_of(state.id);
  if (auto made = make_directories(directory); !made) return done(std::unexpected(made.error()));
  auto fd = open_file(directory + "/" + kBytes, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return done(std::unexpected(fd.error()));
  store_.put_record(record_of(account, state), true,
                    [state, done = std::move(done)](Result<bool> put) {
                      if (put)
                        done(state);
                      else
                        done(std::unexpected(put.error()));
                    });
}

Result<UploadState> Files::upload_state(const std::string& account, const std::string& id) {
  if (!is_upload_id(id)) return no_upload();
  auto record = store_.get_record(kUploadRecord, account, id);
  if (!record) {
    if (record.error().code == ErrorCode::kNotFound) return no_upload();
    return std::unexpected(record.error());
  }
  const LooseReader in(*record);
  UploadState state{id, in.text("name"), in.integer("length"), 0, {}};
  if (in.at("file") != nullptr) state.file = Id::from_hex(in.text("file"));
  struct stat facts{};
  const std::string path = directory_of(id) + "/" + kBytes;
  if (::stat(path.c_str(), &facts) == 0)
    state.offset = facts.st_size;
  else if (state.file || objects_.open(id, kBytes))
    state.offset = state.length;  // its bytes have become an object
  else
    return no_upload();  // swept away
  return state;
}

Result<std::unique_ptr<Files::Upload>> Files::append(const std::string& account,
                                                     const std::string& id, std::int64_t offset) {
  auto state = upload_state(account, id);
  if (!state) return std::unexpected(state.error());
  {
    const std::lock_guard lock(mutex_);
    if (!writing_.insert(id).second) {
      return fail(ErrorCode::kConflict, "another request is writing to this upload");
    }
  }
  std::unique_ptr<Upload> upload(new Upload(*this));
  upload->account_ = account;
  upload->resumable_ = true;
  upload->state_ = std::move(*state);
  // Asked again now that nobody else can move it.
  if (auto now = upload_state(account, id)) upload->state_ = std::move(*now);
  if (upload->state_.offset != offset) {
    return fail(ErrorCode::kConflict,
                "the upload stands at " + std::to_string(upload->state_.offset) + ", not at " +
                    std::to_string(offset),
                "Upload-Offset");
  }
  if (auto room = check_room(upload->state_.length - offset); !room) {
    return std::unexpected(room.error());
  }
  if (!upload->state_.file) store_.put_record(record_of(account, upload->state_), false, {});
  if (offset < upload->state_.length) {
    auto fd = open_file(directory_of(id) + "/" + kBytes, O_WRONLY | O_APPEND);
    if (!fd) return std::unexpected(fd.error());
    upload->fd_ = std::move(*fd);
  }
  return upload;
}

void Files::remove_upload(const std::string& account, const std::string& id,
                          Store::Done<bool> done) {
  if (auto state = upload_state(account, id); !state) {
    return done(std::unexpected(state.error()));
  }
  {
    const std::lock_guard lock(mutex_);
    if (writing_.contains(id)) {
      return done(fail(ErrorCode::kConflict, "a request is writing to this upload"));
    }
  }
  remove_tree(directory_of(id));
  store_.remove_record(kUploadRecord, account, id, std::move(done));
}

Result<File> Files::get(const std::string& account, Id id) {
  auto file = store_.get_file(id);
  if (file && file->account != account) return fail(ErrorCode::kNotFound, "there is no such file");
  return file;
}

Result<File> Files::get_by_key(const std::string& account, std::int64_t key) {
  auto file = store_.get_file_by_key(key);
  if (file && file->account != account) return fail(ErrorCode::kNotFound, "there is no such file");
  return file;
}

Result<std::vector<File>> Files::list(const std::string& account, std::int64_t before_key,
                                      int limit) {
  return store_.list_files(account, before_key, limit);
}

Result<Fd> Files::open(const File& file) {
  return objects_.open(file.object, kBytes);
}

void Files::remove(const std::string& account, Id id, Store::Done<bool> done) {
  auto file = get(account, id);
  if (!file) return done(std::unexpected(file.error()));
  store_.remove_file(id, [this, object = file->object, done = std::move(done)](Result<bool> gone) {
    if (gone) pool_.post([this, object] { objects_.remove(object); });
    done(gone);
  });
}

void Files::sweep(Millis before) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, none)) {
    struct stat facts{};
    const std::string bytes = entry.path().string() + "/" + kBytes;
    if (::stat(bytes.c_str(), &facts) != 0) continue;
    if (facts.st_mtim.tv_sec * 1000 >= before) continue;
    std::filesystem::remove_all(entry.path(), none);
  }
}

void Files::collect(Millis before, const std::stop_token& stop) {
  int gone = 0;
  objects_.visit_older(before, [&](const std::string& hex) {
    const auto owned = store_.owns_objects(hex);
    if (owned && !*owned) {
      objects_.remove(hex);
      ++gone;
    }
    return owned && !stop.stop_requested();
  });
  if (gone > 0) log_info("objects that nobody has removed", {{"count", gone}});
}

}  // namespace telecine
