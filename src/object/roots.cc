#include "object/roots.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "object/beneath.h"
#include "object/url.h"

namespace telecine::object {
namespace {

constexpr std::string_view kFileScheme = "file://";

/// A root and what remains of the path below it.
struct PathInRoot {
  const Root* root = nullptr;
  std::string rest;
};

bool is_root_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

PathInRoot by_name(const std::vector<Root>& roots, std::string_view name, std::string_view rest) {
  for (const Root& root : roots) {
    if (root.name == name) return {&root, std::string(rest)};
  }
  return {};
}

/// The deepest root whose path leads to `path`. A mere comparison of texts is enough: what the
/// rest may do is up to the kernel.
PathInRoot by_path(const std::vector<Root>& roots, std::string_view path) {
  PathInRoot best;
  for (const Root& root : roots) {
    const std::string prefix = root.path == "/" ? "/" : root.path + "/";
    if (!path.starts_with(prefix)) continue;
    if (best.root != nullptr && best.root->path.size() >= root.path.size()) continue;
    best = {&root, std::string(path.substr(prefix.size()))};
  }
  return best;
}

std::unexpected<Error> outside() {
  return fail(ErrorCode::kInputForbidden,
              "This file: URL is not below a directory that the operator opened for reading. "
              "Directories are opened by [[object.root]] in the configuration, with a name, a path "
              "and read = true.");
}

std::unexpected<Error> explain(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return fail(ErrorCode::kInputNotFound, "There is no file of this name below the root.");
    case EXDEV:
      return outside();
    case ENOSYS:
      log_error("file: inputs need the system call openat2 (Linux 5.6), which is not available");
      return fail(ErrorCode::kStorageUnavailable, "This machine cannot open file: inputs safely.");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EIO:
    case EAGAIN:
      return fail(ErrorCode::kStorageUnavailable, "The file cannot be opened at the moment.");
    default:
      return fail(ErrorCode::kInputForbidden,
                  "The file cannot be read: it must be a regular file, not reached through a "
                  "symbolic link, and readable by the engine.");
  }
}

}  // namespace

Result<Roots> Roots::make(std::vector<Root> roots) {
  Roots made;
  for (Root& root : roots) {
    const auto invalid = [&](const std::string& why) {
      return fail(ErrorCode::kInvalidParameter, "object.root \"" + root.name + "\": " + why);
    };
    if (!is_root_name(root.name)) return invalid("a name is 1 to 64 of A-Z a-z 0-9 . _ -");
    if (by_name(made.roots_, root.name, "").root != nullptr) return invalid("the name is taken");
    if (!root.path.starts_with('/')) return invalid("the path must be absolute");
    std::error_code error;
    if (!std::filesystem::is_directory(root.path, error)) {
      return invalid(root.path + " is not a directory");
    }
    root.path = std::filesystem::path(root.path).lexically_normal().string();
    if (root.path.size() > 1 && root.path.ends_with('/')) root.path.pop_back();
    made.roots_.push_back(std::move(root));
  }
  return made;
}

Status Roots::check(std::string_view url) {
  const bool fits = url.size() > kFileScheme.size() && url.size() <= kMostUrlBytes &&
                    iequals(url.substr(0, kFileScheme.size()), kFileScheme) &&
                    url.find('\0') == std::string_view::npos;
  const auto path = fits ? url.substr(kFileScheme.size()) : std::string_view{};
  const auto slash = path.find('/');
  const bool has_name = slash == 0 || is_root_name(path.substr(0, slash));
  if (slash == std::string_view::npos || path.ends_with('/') || !has_name) {
    return fail(ErrorCode::kInvalidParameter,
                "A local input is written file:///path or file://root/path.");
  }
  return {};
}

Result<Fd> Roots::open_input(std::string_view url) const {
  if (auto ok = check(url); !ok) return std::unexpected(ok.error());
  const auto path = url.substr(kFileScheme.size());
  const auto slash = path.find('/');
  const PathInRoot place = slash == 0
                               ? by_path(roots_, path)
                               : by_name(roots_, path.substr(0, slash), path.substr(slash + 1));
  if (place.root == nullptr || !place.root->read) return outside();
  const auto directory = open_file(place.root->path, O_PATH | O_DIRECTORY);
  if (!directory) {
    log_warning("a configured root cannot be opened", {{"root", place.root->name}});
    return fail(ErrorCode::kStorageUnavailable, "The root cannot be opened at the moment.");
  }
  auto fd = open_regular_beneath(directory->get(), place.rest);
  if (!fd) return explain(fd.error());
  return std::move(*fd);
}

}  // namespace telecine::object
