#include "dialect/tencent/ids.h"

#include "base/text.h"

namespace telecine::tencent {
namespace {

constexpr std::int64_t kLeading = 5'000'000'000'000'000'000;
constexpr std::int64_t kCheck = 1000;

}  // namespace

std::string task_id_text(std::int64_t app_id, std::string_view kind, Id id) {
  return std::to_string(app_id) + "-" + std::string(kind) + "-" + id.hex();
}

std::optional<Id> task_id_from(std::string_view text) {
  const auto dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  return Id::from_hex(text.substr(dash + 1));
}

std::string file_id_text(Id id) {
  const auto check = static_cast<std::int64_t>(id.random % kCheck);
  return std::to_string(kLeading + id.key * kCheck + check);
}

std::optional<std::int64_t> file_key_from(std::string_view text) {
  const auto number = parse_int(text);
  if (!number || *number < kLeading) return std::nullopt;
  const std::int64_t key = (*number - kLeading) / kCheck;
  if (key < 1 || key > kMaxIdKey) return std::nullopt;
  return key;
}

}  // namespace telecine::tencent
