#include "object/local.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "object/beneath.h"

namespace telecine::object {
namespace {

constexpr std::string_view kObjectScheme = "object:";
constexpr std::size_t kHexDigits = 32;

bool is_task_hex(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Where a task's objects are, relative to objects/.
std::string place_of(std::string_view task_hex) {
  const std::string hex(task_hex);
  return hex.substr(28, 2) + "/" + hex.substr(30, 2) + "/" + hex;
}

std::string directory_name(const Attempt& attempt) {
  return attempt.task_hex + "-" + std::to_string(attempt.unit) + "-" +
         std::to_string(attempt.number);
}

std::optional<Attempt> parse_directory_name(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() != 3 || !is_task_hex(parts[0])) return std::nullopt;
  const auto unit = parse_int(parts[1]);
  const auto number = parse_int(parts[2]);
  if (!unit || !number) return std::nullopt;
  return Attempt{std::string(parts[0]), *unit, *number};
}

std::unexpected<Error> store_error(int number, std::string_view what) {
  if (number == ENOSPC || number == EDQUOT) {
    return fail(ErrorCode::kOutOfSpace, "There is no room left for the results.");
  }
  if (number == EXDEV) {
    return fail(ErrorCode::kStorageUnavailable,
                "The data directory's work and objects must be on one file system.");
  }
  return std::unexpected(errno_error(number, what));
}

/// Indexes into `names`, in the order of moving.
std::vector<std::size_t> moving_order(std::span<const std::string> names) {
  const auto is_playlist = [&](std::size_t i) {
    return names[i].ends_with(".m3u8") || names[i].ends_with(".mpd") || names[i].ends_with(".vtt");
  };
  std::vector<std::size_t> order(names.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto playlists =
      std::ranges::stable_partition(order, [&](std::size_t i) { return !is_playlist(i); });
  std::ranges::reverse(playlists);
  return order;
}

Status make_durable(int from, const std::string& name) {
  const auto fd = open_regular_beneath(from, name);
  if (!fd) {
    return fail(ErrorCode::kInternal, "An output file that should be there cannot be read.");
  }
  if (::fchmod(fd->get(), 0640) != 0 || ::fsync(fd->get()) != 0) {
    return store_error(errno, "publishing a result");
  }
  return {};
}

Status move_file(int from, const std::string& name, const std::string& to_directory) {
  const auto [directory, base] = split_name(name);
  const auto source = open_beneath(from, directory, O_PATH | O_DIRECTORY);
  if (!source) return store_error(source.error(), "publishing a result");
  const std::string target = to_directory + "/" + base;
  if (::renameat(source->get(), base.c_str(), AT_FDCWD, target.c_str()) != 0) {
    return store_error(errno, "publishing a result");
  }
  return {};
}

}  // namespace

std::string object_url(const ObjectName& object) {
  return std::string(kObjectScheme) + object.task_hex + "/" + object.name;
}

std::optional<ObjectName> parse_object_url(std::string_view url) {
  if (!url.starts_with(kObjectScheme)) return std::nullopt;
  url.remove_prefix(kObjectScheme.size());
  if (url.size() <= kHexDigits + 1 || url[kHexDigits] != '/') return std::nullopt;
  const auto task_hex = url.substr(0, kHexDigits);
  const auto name = url.substr(kHexDigits + 1);
  if (!is_task_hex(task_hex) || !is_object_name(name)) return std::nullopt;
  return ObjectName{std::string(task_hex), std::string(name)};
}

LocalObjects::LocalObjects(std::string objects, std::string work, Fd objects_fd)
    : objects_(std::move(objects)), work_(std::move(work)), objects_fd_(std::move(objects_fd)) {}

Result<LocalObjects> LocalObjects::open(const std::string& data_dir) {
  const std::string objects = data_dir + "/objects";
  const std::string work = data_dir + "/work";
  for (const std::string& directory : {objects, work}) {
    if (auto made = make_directories(directory); !made) return std::unexpected(made.error());
  }
  auto fd = open_file(objects, O_PATH | O_DIRECTORY);
  if (!fd) return std::unexpected(fd.error());
  return LocalObjects(objects, work, std::move(*fd));
}

Result<std::string> LocalObjects::prepare(const Attempt& attempt) const {
  if (!is_task_hex(attempt.task_hex)) return fail(ErrorCode::kInternal, "Not a task's hex name.");
  std::string path = work_ + "/" + directory_name(attempt);
  remove_tree(path);
  if (::mkdir(path.c_str(), 0700) != 0) return store_error(errno, "preparing an attempt");
  return path;
}

void LocalObjects::discard(const Attempt& attempt) const {
  if (is_task_hex(attempt.task_hex)) remove_tree(work_ + "/" + directory_name(attempt));
}

std::vector<Attempt> LocalObjects::attempts() const {
  std::vector<Attempt> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(work_, error), end; !error && it != end;
       it.increment(error)) {
    if (auto attempt = parse_directory_name(it->path().filename().string())) {
      found.push_back(std::move(*attempt));
    }
  }
  return found;
}

Result<std::string> LocalObjects::make_parent(std::string_view task_hex,
                                              const std::string& directory) const {
  std::string path = objects_ + "/" + place_of(task_hex);
  if (directory != ".") path += "/" + directory;
  if (auto made = make_directories(path); !made) return std::unexpected(made.error());
  return path;
}

Result<std::vector<std::string>> LocalObjects::publish(const std::string& from_dir,
                                                       std::string_view task_hex,
                                                       std::span<const std::string> names) const {
  if (!is_task_hex(task_hex) || !std::ranges::all_of(names, is_object_name)) {
    return fail(ErrorCode::kInternal, "An output has a name that cannot be an object's.");
  }
  const auto from = open_file(from_dir, O_PATH | O_DIRECTORY);
  if (!from) return std::unexpected(from.error());
  for (const std::string& name : names) {
    if (auto ok = make_durable(from->get(), name); !ok) return std::unexpected(ok.error());
  }
  // Walked backwards below: a directory is synced before the one that names it.
  std::set<std::string> touched{objects_};
  for (const std::size_t i : moving_order(names)) {
    auto parent = make_parent(task_hex, split_name(names[i]).directory);
    if (!parent) return std::unexpected(parent.error());
    if (auto ok = move_file(from->get(), names[i], *parent); !ok) {
      return std::unexpected(ok.error());
    }
    for (std::filesystem::path path = *parent; path != objects_; path = path.parent_path()) {
      if (!touched.insert(path.string()).second) break;
    }
  }
  for (auto it = touched.rbegin(); it != touched.rend(); ++it) {
    if (auto ok = sync_directory(*it); !ok) return std::unexpected(ok.error());
  }
  std::vector<std::string> urls;
  for (const std::string& name : names) urls.push_back(object_url({std::string(task_hex), name}));
  return urls;
}

/// Syncs a directory and those above it, so that a new name in it survives.
Status LocalObjects::sync_up(const std::string& directory) const {
  for (std::filesystem::path path = directory;; path = path.parent_path()) {
    if (auto ok = sync_directory(path.string()); !ok) return ok;
    if (path == objects_) return {};
  }
}

Status LocalObjects::share(const ObjectName& from, const ObjectName& to) const {
  if (!is_task_hex(to.task_hex) || !is_object_name(to.name)) {
    return fail(ErrorCode::kInternal, "Not an object's name.");
  }
  const auto bytes = open(from.task_hex, from.name);
  if (!bytes) return std::unexpected(bytes.error());
  const auto [directory, base] = split_name(to.name);
  const auto parent = make_parent(to.task_hex, directory);
  if (!parent) return std::unexpected(parent.error());
  const std::string source = "/proc/self/fd/" + std::to_string(bytes->get());
  const std::string target = *parent + "/" + base;
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return store_error(errno, "keeping a result");
  }
  return sync_up(*parent);
}

Result<Fd> LocalObjects::open(std::string_view task_hex, std::string_view name) const {
  const auto absent = [] { return fail(ErrorCode::kNotFound, "There is no such object."); };
  if (!is_task_hex(task_hex) || !is_object_name(name)) return absent();
  auto fd = open_regular_beneath(objects_fd_.get(), place_of(task_hex) + "/" + std::string(name));
  if (fd) return std::move(*fd);
  switch (fd.error()) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
      return absent();
    default:
      return std::unexpected(errno_error(fd.error(), "opening an object"));
  }
}

void LocalObjects::keep_only(std::string_view task_hex, std::span<const std::string> kept) const {
  if (!is_task_hex(task_hex)) return;
  std::error_code none;
  for (const auto& entry :
       std::filesystem::directory_iterator(objects_ + "/" + place_of(task_hex), none)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::find(kept, name) == kept.end()) remove_tree(entry.path().string());
  }
}

void LocalObjects::visit_older(Millis before,
                               const std::function<bool(const std::string& hex)>& visit) const {
  std::error_code none;
  for (std::filesystem::recursive_directory_iterator it(objects_, none), end; it != end;
       it.increment(none)) {
    constexpr int kDepth = 2;  // below <aa>/<bb>
    if (it.depth() < kDepth) continue;
    it.disable_recursion_pending();
    const std::string name = it->path().filename().string();
    struct stat facts{};
    if (!is_task_hex(name) || ::stat(it->path().c_str(), &facts) != 0) continue;
    if (facts.st_mtim.tv_sec * 1000 < before && !visit(name)) return;
  }
}

void LocalObjects::remove(std::string_view task_hex) const {
  if (is_task_hex(task_hex)) remove_tree(objects_ + "/" + place_of(task_hex));
}

}  // namespace telecine::object
