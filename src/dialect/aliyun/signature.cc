#include "dialect/aliyun/signature.h"

#include <algorithm>
#include <chrono>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::aliyun {
namespace {

/// What a query is written with.
struct Marks {
  std::string_view percent;
  std::string_view equals;
  std::string_view ampersand;
};
constexpr Marks kOnce{"%", "=", "&"};
constexpr Marks kTwice{"%25", "%3D", "%26"};  ///< the whole query escaped again

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void append_escaped(std::string& out, std::string_view text, const Marks& marks) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  while (!text.empty()) {
    const auto end = std::ranges::find_if_not(text, is_plain);
    const auto plain = static_cast<std::size_t>(end - text.begin());
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const auto c = static_cast<unsigned char>(text.front());
    out += marks.percent;
    out += kHex[c >> 4];
    out += kHex[c & 15];
    text.remove_prefix(1);
  }
}

void append_query(std::string& out, const Pairs& pairs, std::optional<std::string_view> left_out,
                  const Marks& marks) {
  std::vector<const Pairs::value_type*> sorted;
  sorted.reserve(pairs.size());
  for (const auto& pair : pairs) {
    if (pair.first != left_out) sorted.push_back(&pair);
  }
  std::ranges::sort(sorted, {}, [](const auto* pair) -> const std::string& { return pair->first; });
  for (const auto* pair : sorted) {
    if (pair != sorted.front()) out += marks.ampersand;
    append_escaped(out, pair->first, marks);
    out += marks.equals;
    append_escaped(out, pair->second, marks);
  }
}

}  // namespace

std::string canonical_query(const Pairs& pairs) {
  std::string out;
  append_query(out, pairs, std::nullopt, kOnce);
  return out;
}

std::string string_to_sign(std::string_view method, const Pairs& parameters) {
  std::string out;
  out.reserve(512);
  out.append(method).append("&%2F&");
  append_query(out, parameters, "Signature", kTwice);
  return out;
}

std::string sign_sha1(std::string_view secret, std::string_view text) {
  return base64(hmac_sha1(std::string(secret) + "&", text));
}

std::optional<Authorization> parse_authorization(std::string_view text) {
  const auto space = text.find(' ');
  Authorization out;
  out.algorithm = text.substr(0, space);
  if (out.algorithm != kAlgorithm) return out;
  if (space == std::string_view::npos) return std::nullopt;
  std::optional<std::string_view> key;
  std::optional<std::string_view> headers;
  std::optional<std::string_view> signature;
  for (const auto part : split(text.substr(space + 1), ',')) {
    const auto piece = trim(part);
    const auto equals = piece.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = piece.substr(0, equals);
    auto* slot = name == "Credential"      ? &key
                 : name == "SignedHeaders" ? &headers
                 : name == "Signature"     ? &signature
                                           : nullptr;
    if (slot == nullptr || *slot) return std::nullopt;
    *slot = piece.substr(equals + 1);
  }
  if (!key || !headers || !signature || key->empty() || headers->empty()) return std::nullopt;
  out.key = *key;
  for (const auto name : split(*headers, ';')) out.headers.push_back(lower(name));
  out.signature = lower(*signature);
  return out;
}

std::string canonical_request(std::string_view method, const Pairs& query, const Headers& headers,
                              std::string_view payload_hash) {
  std::string out;
  out.reserve(1024);
  out.append(method).append("\n/\n");
  append_query(out, query, std::nullopt, kOnce);
  out += '\n';
  for (const auto& [name, value] : headers) {
    out.append(name).append(":").append(trim(value)).append("\n");
  }
  std::string_view before = "\n";
  for (const auto& [name, value] : headers) {
    out.append(before).append(name);
    before = ";";
  }
  return out.append("\n").append(payload_hash);
}

std::string string_to_sign_v3(std::string_view canonical) {
  return std::string(kAlgorithm) + "\n" + hex(sha256(canonical));
}

std::string sign_sha256(std::string_view secret, std::string_view text) {
  return hex(hmac_sha256(secret, text));
}

std::optional<Millis> parse_timestamp(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    return static_cast<int>(parse_int(text.substr(at, size)).value_or(-1));
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const std::chrono::hours hours(number(11, 2));
  const std::chrono::minutes minutes(number(14, 2));
  const std::chrono::seconds seconds(number(17, 2));
  if (!day.ok() || hours.count() > 23 || minutes.count() > 59 || seconds.count() > 59) {
    return std::nullopt;
  }
  const auto at = std::chrono::sys_days(day).time_since_epoch() + hours + minutes + seconds;
  return std::chrono::milliseconds(at).count();
}

}  // namespace telecine::aliyun
