#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fs.h"

namespace telecine::object {

/// A directory of this machine that callers may name files in: one `[[object.root]]` of the
/// configuration.
struct Root {
  std::string name;  ///< unique, [A-Za-z0-9._-]{1,64}: the host part of file://name/path
  std::string path;  ///< absolute
  bool read = true;  ///< inputs may come from it
};

/// What callers can reach by file: URLs. Without a root that is nothing.
///
///     file://media/2026/a.mp4      below the root named "media"
///     file:///srv/media/2026/a.mp4 the same by its path, if the root is /srv/media
///
/// The path is taken byte for byte: nothing in it is percent-decoded, and '?' and '#' belong to
/// it. Links below a root are not followed. An immutable value; use from any thread.
class Roots {
 public:
  /// No roots.
  Roots() = default;
  /// Checks names and that every path is a directory; messages are for the operator.
  static Result<Roots> make(std::vector<Root> roots);

  /// kInvalidParameter for what no root could ever hold.
  static Status check(std::string_view url);

  /// The regular file, open for reading. kInputNotFound; kInputForbidden for anything outside the
  /// readable roots or not a regular file, without saying whether it exists; kInvalidParameter as
  /// above.
  Result<Fd> open_input(std::string_view url) const;

  const std::vector<Root>& list() const { return roots_; }

 private:
  std::vector<Root> roots_;
};

}  // namespace telecine::object
