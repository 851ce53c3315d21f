#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telecine {

/// The table that ties an enumeration to its words in documents. Specialise `kNames<E>` beside the
/// enumeration: `template <> inline constexpr auto kNames<Color> =
/// std::to_array<Named<Color>>(...)`.
template <typename E>
using Named = std::pair<E, std::string_view>;
template <typename E>
inline constexpr int kNames = 0;

template <typename E>
constexpr std::string_view name_of(E value) {
  for (const auto& [e, name] : kNames<E>) {
    if (e == value) return name;
  }
  return "";
}

template <typename E>
constexpr std::optional<E> value_named(std::string_view text) {
  for (const auto& [e, name] : kNames<E>) {
    if (name == text) return e;
  }
  return std::nullopt;
}

/// "h264, h265 or av1": for messages that list what would have been valid.
template <typename E>
std::string names_listed() {
  std::string out;
  const auto& table = kNames<E>;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (i > 0) out += i + 1 == table.size() ? " or " : ", ";
    out += table[i].second;
  }
  return out;
}

}  // namespace telecine
