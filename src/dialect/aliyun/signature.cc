#include "dialect/aliyun/signature.h"

#include <algorithm>
#include <ctime>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::aliyun {

std::string canonical_query(Pairs pairs) {
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += percent_encode(name) + "=" + percent_encode(value);
  }
  return out;
}

std::string string_to_sign(std::string_view method, const Pairs& parameters) {
  Pairs signed_ones = parameters;
  std::erase_if(signed_ones, [](const auto& pair) { return pair.first == "Signature"; });
  return std::string(method) + "&%2F&" + percent_encode(canonical_query(std::move(signed_ones)));
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

std::string canonical_request(std::string_view method, const Pairs& query, const Pairs& headers,
                              std::string_view payload_hash) {
  std::string out = std::string(method) + "\n/\n" + canonical_query(query) + "\n";
  std::string names;
  for (const auto& [name, value] : headers) {
    out += name + ":" + std::string(trim(value)) + "\n";
    if (!names.empty()) names += ';';
    names += name;
  }
  return out + "\n" + names + "\n" + std::string(payload_hash);
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
  std::tm parts{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  parts.tm_hour = number(11, 2);
  parts.tm_min = number(14, 2);
  parts.tm_sec = number(17, 2);
  const std::time_t at = ::timegm(&parts);
  // What no calendar has (month 13, 31 April) comes back as another moment.
  const Millis ms = static_cast<Millis>(at) * 1000;
  if (rfc3339(ms).substr(0, 19) != text.substr(0, 19)) return std::nullopt;
  return ms;
}

}  // namespace telecine::aliyun
