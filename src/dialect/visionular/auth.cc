#include "dialect/visionular/auth.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::visionular {
namespace {

constexpr Millis kMostSkew = 15 * 60'000;
constexpr std::string_view kScheme = "Visionular ";
constexpr std::string_view kBasicScheme = "Basic ";

std::unexpected<Refusal> no(std::string why) {
  return refuse(Code::kAuth, std::move(why));
}

std::string own_headers(const http::Headers& headers) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : headers) {
    const std::string folded = lower(name);
    if (folded.starts_with("x-wz-")) lines.push_back(folded + ":" + std::string(trim(value)));
  }
  std::ranges::sort(lines);
  return join(lines, "\n");
}

std::string resource_of(const http::Request& request, bool decoded) {
  if (request.query.empty()) return request.path;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto part : split(request.query, '&')) {
    std::string text =
        decoded ? percent_decode(part, true).value_or(std::string(part)) : std::string(part);
    std::string name = text.substr(0, text.find('='));
    pairs.emplace_back(std::move(name), std::move(text));
  }
  std::ranges::stable_sort(pairs, {}, &std::pair<std::string, std::string>::first);
  std::vector<std::string> texts;
  for (auto& [name, text] : pairs) texts.push_back(std::move(text));
  return request.path + "?" + join(texts, "&");
}

struct Signed {
  std::string key;
  std::string signature;
};

std::optional<Signed> signed_header(std::string_view header) {
  if (!iequals(header.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  Signed found;
  for (const auto part : split(header.substr(kScheme.size()), ',')) {
    const auto item = trim(part);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = item.substr(0, equals);
    const std::string value(item.substr(equals + 1));
    if (name == "AccessKeyId") found.key = value;
    if (name == "Signature") found.signature = value;
  }
  if (found.key.empty() || found.signature.empty()) return std::nullopt;
  return found;
}

Answer<KeyPtr> usable_key(Service& service, const std::string& id) {
  auto key = service.keys().find(id);
  if (!key) {
    if (key.error().code == ErrorCode::kNotFound) return no("the access key is unknown");
    return refuse(Code::kInternal, key.error().message);
  }
  if ((*key)->disabled) return no("the access key is disabled");
  return *key;
}

Answer<Admitted> check_signature(Service& service, const http::Request& request, const Signed& sent,
                                 Millis now) {
  const auto date = parse_http_date(request.headers.get("date"));
  if (!date) return no("Date is missing or not an RFC 1123 date in GMT");
  if (std::abs(*date - now) > kMostSkew) return no("Date is more than 15 minutes from our clock");
  if (!request.body.empty()) {
    const std::string digest = hex(md5(request.body));
    if (!iequals(request.headers.get("content-md5"), digest)) {
      return no("Content-Md5 is missing or not the hex MD5 of the body");
    }
  }
  auto key = usable_key(service, sent.key);
  if (!key) return std::unexpected(key.error());
  const bool right = std::ranges::any_of(strings_to_sign(request), [&](const std::string& text) {
    return equal_constant_time(base64(hmac_sha1((*key)->secret, text)), sent.signature);
  });
  if (!right) return no("the signature is wrong");
  const std::string fingerprint =
      sent.key + "\n" + std::string(request.headers.get("x-wz-nonce")) + "\n" + sent.signature;
  return Admitted{Caller{*key}, hex(sha256(fingerprint))};
}

Answer<Admitted> check_basic(Service& service, std::string_view header) {
  const auto text = unbase64(trim(header.substr(kBasicScheme.size())));
  const auto colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return no("the Authorization header is malformed");
  auto key = usable_key(service, text->substr(0, colon));
  if (!key) return std::unexpected(key.error());
  if (!equal_constant_time((*key)->secret, std::string_view(*text).substr(colon + 1))) {
    return no("the secret is wrong");
  }
  return Admitted{Caller{*key}, ""};
}

}  // namespace

std::vector<std::string> strings_to_sign(const http::Request& request) {
  const bool has_body = !request.body.empty();
  std::string head = request.method_text + "\n";
  head += (has_body ? std::string(request.headers.get("content-md5")) : "") + "\n";
  head += (has_body ? std::string(request.headers.get("content-type")) : "") + "\n";
  head += std::string(request.headers.get("date")) + "\n";
  head += own_headers(request.headers) + "\n";
  std::vector<std::string> texts;
  for (const bool decoded : {false, true}) {
    if (decoded && request.query.find_first_of("%+") == std::string::npos) break;
    const std::string text = head + resource_of(request, decoded);
    texts.push_back(text);
    texts.push_back(text + "\n");
  }
  return texts;
}

Answer<Admitted> authenticate(Service& service, const http::Request& request, Generation generation,
                              Millis now) {
  if (auto developer = service.developer()) return Admitted{*std::move(developer), ""};
  const auto header = request.headers.get("authorization");
  if (const auto sent = signed_header(header)) {
    return check_signature(service, request, *sent, now);
  }
  const bool basic = iequals(header.substr(0, kBasicScheme.size()), kBasicScheme);
  if (basic && generation == Generation::kBasic) return check_basic(service, header);
  return no("there is no Authorization header that this path takes");
}

}  // namespace telecine::visionular
