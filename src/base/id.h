#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace telecine {

/// Names a task, a file, an upload. `key` is the store's increasing integer, below 10^15 because
/// some vendor SDKs read ids as doubles or refuse more digits; `random` makes the text forms
/// unguessable. Equality of ids means both parts are equal: a right key with wrong random bits
/// names nothing.
struct Id {
  std::int64_t key = 0;
  std::uint64_t random = 0;

  auto operator<=>(const Id&) const = default;
  /// 32 lower-case hex digits, key first.
  std::string hex() const;
  static std::optional<Id> from_hex(std::string_view text);
};

inline constexpr std::int64_t kMaxIdKey = 999'999'999'999'999;

/// A version 4 UUID (RFC 9562) in lower case.
std::string make_uuid();

}  // namespace telecine

template <>
struct std::hash<telecine::Id> {
  std::size_t operator()(const telecine::Id& id) const noexcept {
    return std::hash<std::int64_t>{}(id.key) ^ id.random;
  }
};
