#include "dialect/aliyun/auth.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::aliyun {
namespace {

constexpr std::string_view kVersion = "2019-08-10";
constexpr Millis kClockSlack = 15 * 60 * 1000;
constexpr std::size_t kLongestNonce = 128;
/// SHA-256 of an empty body, which queries have.
constexpr auto kHashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::unexpected<Refusal> refuse(Code code, std::string about = {}) {
  return std::unexpected(Refusal{code, std::move(about)});
}

/// What a signed request claims.
struct Claim {
  std::string key;
  std::string signature;
  std::string nonce;
  std::string_view timestamp;
  std::string to_sign;
};

/// The first of the names without a value.
template <typename Get>
std::optional<std::string> first_missing(
    const std::array<std::pair<std::string_view, std::string_view>, 5>& wanted, Get get) {
  for (const auto& [name, source] : wanted) {
    if (get(source).empty()) return std::string(name);
  }
  return std::nullopt;
}

std::expected<Claim, Refusal> claim_v1(const Call& call) {
  const auto missing = first_missing({{{"Version", "Version"},
                                       {"AccessKeyId", "AccessKeyId"},
                                       {"Signature", "Signature"},
                                       {"SignatureNonce", "SignatureNonce"},
                                       {"Timestamp", "Timestamp"}}},
                                     [&](std::string_view name) { return call.get(name); });
  if (missing) return refuse(Code::kMissing, *missing);
  const auto version = call.get("SignatureVersion");
  if (!version.empty() && version != "1.0") return refuse(Code::kIncompleteSignature);
  const auto method = call.get("SignatureMethod");
  const bool bearer =
      !call.get("BearerToken").empty() || call.get("SignatureType") == "BEARERTOKEN";
  if (bearer || (!method.empty() && method != "HMAC-SHA1")) {
    return refuse(Code::kInvalidSignatureMethod);
  }
  if (!call.get("SecurityToken").empty()) return refuse(Code::kMalformedToken);
  return Claim{std::string(call.get("AccessKeyId")), std::string(call.get("Signature")),
               std::string(call.get("SignatureNonce")), call.get("Timestamp"),
               string_to_sign(call.method, call.parameters)};
}

/// Every header that must be signed is among those named.
bool covers(const http::Request& request, const std::vector<std::string>& named) {
  const auto is_named = [&](std::string_view name) {
    return std::ranges::find(named, name) != named.end();
  };
  if (!is_named("host")) return false;
  for (const auto& field : request.headers) {
    if (is_named(field.name)) continue;
    const std::string name = lower(field.name);
    const bool needed = name == "content-type" || name.starts_with("x-acs-");
    if (needed && !is_named(name)) return false;
  }
  return true;
}

std::expected<Claim, Refusal> claim_v3(const http::Request& request, const Call& call) {
  const auto header = [&](std::string_view name) { return request.headers.get(name); };
  if (!header("x-acs-bearer-token").empty()) return refuse(Code::kInvalidSignatureMethod);
  const auto missing = first_missing({{{"Version", "x-acs-version"},
                                       {"AccessKeyId", "authorization"},
                                       {"Signature", "authorization"},
                                       {"SignatureNonce", "x-acs-signature-nonce"},
                                       {"Timestamp", "x-acs-date"}}},
                                     header);
  if (missing) return refuse(Code::kMissing, *missing);
  const auto authorization = parse_authorization(header("authorization"));
  if (!authorization) return refuse(Code::kIncompleteSignature);
  if (authorization->algorithm != kAlgorithm) return refuse(Code::kInvalidSignatureMethod);
  if (!header("x-acs-security-token").empty()) return refuse(Code::kMalformedToken);
  const std::string payload = request.body.empty() ? kHashOfNothing : hex(sha256(request.body));
  Headers headers;
  for (const std::string& name : authorization->headers) headers.emplace_back(name, header(name));
  Claim claim{authorization->key, authorization->signature,
              std::string(header("x-acs-signature-nonce")), header("x-acs-date"),
              string_to_sign_v3(canonical_request(call.method, call.query, headers, payload))};
  const bool whole =
      covers(request, authorization->headers) && header("x-acs-content-sha256") == payload;
  if (!whole) claim.signature.clear();  // matches nothing
  return claim;
}

std::expected<KeyPtr, Refusal> key_of(Api& api, const Call& call, const Claim& claim) {
  auto key = api.service.keys().find(claim.key);
  if (!key) {
    const bool unknown = key.error().code == ErrorCode::kNotFound;
    return refuse(unknown ? Code::kUnknownKey : Code::kServiceUnavailable);
  }
  if ((*key)->disabled) return refuse(Code::kInactiveKey);
  const std::string expected = call.v3 ? sign_sha256((*key)->secret, claim.to_sign)
                                       : sign_sha1((*key)->secret, claim.to_sign);
  if (!equal_constant_time(expected, claim.signature)) {
    return refuse(Code::kSignatureMismatch, claim.to_sign);
  }
  return std::move(*key);
}

std::optional<Refusal> check_time(Api& api, const Claim& claim, Millis now) {
  const auto at = parse_timestamp(claim.timestamp);
  if (!at) return Refusal{Code::kBadTimestamp};
  if (std::abs(*at - now) > kClockSlack) return Refusal{Code::kExpiredTimestamp};
  if (claim.nonce.size() > kLongestNonce) return Refusal{Code::kInvalidParameter, "SignatureNonce"};
  switch (api.nonces.take(claim.key, claim.nonce, *at + kClockSlack, now)) {
    case Nonces::Verdict::kUsed:
      return Refusal{Code::kNonceUsed};
    case Nonces::Verdict::kFull:
      return Refusal{Code::kThrottled};
    case Nonces::Verdict::kFresh:
      break;
  }
  return std::nullopt;
}

/// In development mode a call may be signed badly or not at all, and be sent twice.
std::expected<Admitted, Refusal> admit_developer(Api& api, const Call& call, Caller developer) {
  if (!call.version.empty() && call.version != kVersion) return refuse(Code::kInvalidVersion);
  if (!api.service.take_call(developer).allowed) return refuse(Code::kThrottled);
  return Admitted{std::move(developer), ""};
}

}  // namespace

std::expected<Admitted, Refusal> admit(Api& api, const http::Request& request, const Call& call,
                                       Scope scope, Millis now) {
  if (auto developer = api.service.developer()) {
    return admit_developer(api, call, *std::move(developer));
  }
  auto claim = call.v3 ? claim_v3(request, call) : claim_v1(call);
  if (!claim) return std::unexpected(claim.error());
  auto key = key_of(api, call, *claim);
  if (!key) return std::unexpected(key.error());
  if (auto refusal = check_time(api, *claim, now)) return std::unexpected(std::move(*refusal));
  if (call.version != kVersion) return refuse(Code::kInvalidVersion);
  Admitted admitted{{std::move(*key)}, std::move(claim->nonce)};
  if (!api.service.take_call(admitted.caller).allowed) return refuse(Code::kThrottled);
  if (!admitted.caller.key->may(scope)) return refuse(Code::kUnauthorized);
  return admitted;
}

}  // namespace telecine::aliyun
