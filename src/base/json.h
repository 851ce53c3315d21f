#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/names.h"

namespace telecine {

namespace json = boost::json;

/// Parses hostile text: bounded depth (32), whole input, UTF-8 checked. kInvalidParameter.
Result<json::value> parse_json(std::string_view text);

/// Reads one JSON object strictly. Every getter marks its key as known; `finish` refuses the keys
/// nobody asked for, naming the nearest known one. The first problem is kept and further getters
/// return nothing, so that a caller reads all fields and checks once:
///
///     ObjectReader in(value, "video");
///     options.crf = in.number("crf", 0, 51).value_or(23);
///     if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
///
/// Problems are kInvalidParameter with `field` as a path such as "outputs[0].video.crf".
/// A JSON null counts as absent.
class ObjectReader {
 public:
  ObjectReader(const json::value& value, std::string path);

  std::optional<std::string> text(std::string_view key, std::size_t max_bytes = 2048);
  std::optional<double> number(std::string_view key, double least, double most);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view key);
  /// The raw value, or null when absent. Its type is the caller's to check.
  const json::value* any(std::string_view key);
  const json::array* array(std::string_view key, std::size_t max_items);
  const json::object* object(std::string_view key);
  template <typename E>
  std::optional<E> choice(std::string_view key) {
    const auto word = text(key);
    if (!word) return std::nullopt;
    const auto value = value_named<E>(*word);
    if (!value) refuse(key, "must be " + names_listed<E>() + ", not \"" + *word + "\"");
    return value;
  }

  bool has(std::string_view key) const;
  /// "outputs[0].video" + "crf".
  std::string path_of(std::string_view key) const;
  /// Records a problem with a field of this object, unless one is there already.
  void refuse(std::string_view key, std::string message);
  /// Takes over a nested problem.
  void refuse(const Error& error);
  bool ok() const { return !problem_; }
  Status finish();

 private:
  const json::value* find(std::string_view key);

  const json::object* object_ = nullptr;
  std::string path_;
  std::vector<std::string> known_;
  std::optional<Error> problem_;
};

/// Reads documents this engine wrote itself: anything missing, null or of another type is empty or
/// zero.
class LooseReader {
 public:
  /// A value that is no object reads as an empty one.
  explicit LooseReader(const json::value& value) : object_(value.if_object()) {}
  explicit LooseReader(const json::object& object) : object_(&object) {}

  const json::value* at(std::string_view key) const;
  std::string text(std::string_view key) const;
  double number(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  int small(std::string_view key) const { return static_cast<int>(integer(key)); }
  bool flag(std::string_view key) const;
  /// The items of a list; none when it is absent.
  const json::array& list(std::string_view key) const;

 private:
  const json::object* object_;
};

}  // namespace telecine
