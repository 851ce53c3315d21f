#include "base/id.h"

#include <array>
#include <cstdio>

#include "base/crypto.h"

namespace telecine {

std::string Id::hex() const {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(key),
                static_cast<unsigned long long>(random));
  return text.data();
}

std::optional<Id> Id::from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  // Without a branch on each digit, which would be a guess.
  std::array<std::uint64_t, 2> halves{};
  bool is_good = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_digit = static_cast<unsigned>(c - '0') < 10U;
    const bool is_letter = static_cast<unsigned>(c - 'a') < 6U;
    is_good &= is_digit | is_letter;
    std::uint64_t& half = halves[i / 16];
    half = half << 4 | ((c & 15U) + (is_letter ? 9U : 0U));
  }
  if (!is_good) return std::nullopt;
  const auto [key, random] = halves;
  Id id{0, random};
  if (key > static_cast<std::uint64_t>(kMaxIdKey)) return std::nullopt;
  id.key = static_cast<std::int64_t>(key);
  return id;
}

std::string make_uuid() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string text = telecine::hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace telecine
