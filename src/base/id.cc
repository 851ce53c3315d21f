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
  std::array<std::uint64_t, 2> halves{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    std::uint64_t& half = halves[i / 16];
    half = half << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
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
