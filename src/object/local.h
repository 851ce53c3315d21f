#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/time.h"

namespace telecine::object {

/// The name of an object in the default store: object:<task hex>/<name>.
struct ObjectName {
  std::string task_hex;  ///< 32 lower-case hex digits
  std::string name;      ///< '/'-separated, see is_object_name
  bool operator==(const ObjectName&) const = default;
};

std::string object_url(const ObjectName& object);
/// Nothing for any other URL and for names that are not safe.
std::optional<ObjectName> parse_object_url(std::string_view url);

/// One run of one unit: who owns a directory below work/.
struct Attempt {
  std::string task_hex;
  std::int64_t unit = 0;
  std::int64_t number = 0;
  bool operator==(const Attempt&) const = default;
};

/// The store that needs no configuration: files below the data directory.
///
///     <data>/work/<task>-<unit>-<attempt>/    an attempt's files, private to it
///     <data>/objects/<aa>/<bb>/<task>/<name>  published objects
///
/// <aa> and <bb> are the last two bytes of the task's hex name, which are random; the first ones
/// are the same for all. Both trees must be on one file system. Use from any thread; calls for one
/// task's objects at the same time do no harm but the last one wins.
class LocalObjects {
 public:
  /// Makes the two directories if they are missing.
  static Result<LocalObjects> open(const std::string& data_dir);

  /// An empty directory for the attempt's files; what an earlier process left there is deleted.
  Result<std::string> prepare(const Attempt& attempt) const;
  /// Deletes the attempt's directory. Absent is fine.
  void discard(const Attempt& attempt) const;
  /// Every attempt directory there is: delete those that nobody leases.
  std::vector<Attempt> attempts() const;

  /// Moves files of an attempt to the task's objects and returns when they would survive a power
  /// loss. Names are relative to `from_dir` and stay the objects' names; one that exists is
  /// replaced. Playlists move last and in reverse order, so that none is there before what it
  /// names. Returns the URLs in the order of `names`. Links and special files, which a broken child
  /// process may have left, are refused. kOutOfSpace, kStorageUnavailable, kInternal.
  Result<std::vector<std::string>> publish(const std::string& from_dir, std::string_view task_hex,
                                           std::span<const std::string> names) const;

  /// Gives the bytes of a published object a second name, durably and without a copy. Either can be
  /// removed without the other.
  Status share(const ObjectName& from, const ObjectName& to) const;

  /// Open for reading. kNotFound for whatever does not name an object.
  Result<Fd> open(std::string_view task_hex, std::string_view name) const;
  /// Deletes what attempts published that did not come to be the task's outputs: everything whose
  /// first path component is not in `kept`.
  void keep_only(std::string_view task_hex, std::span<const std::string> kept) const;
  /// Names each task and file whose objects were last changed before `before`, until `visit` says
  /// false. Reads the whole tree.
  void visit_older(Millis before, const std::function<bool(const std::string& hex)>& visit) const;
  /// Deletes all objects of a task. Those being read stay readable until closed.
  void remove(std::string_view task_hex) const;

 private:
  LocalObjects(std::string objects, std::string work, Fd objects_fd);
  Status sync_up(const std::string& directory) const;
  Result<std::string> make_parent(std::string_view task_hex, const std::string& directory) const;

  std::string objects_;
  std::string work_;
  Fd objects_fd_;
};

}  // namespace telecine::object
