#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"
#include "object/sign_parts.h"

// The forms that chain SHA-256: S3 V4 and OSS V4.
namespace telecine::object {

std::string canonical_s3_v4(const Signable& request, const Headers& covered,
                            std::string_view payload_hash) {
  const std::vector<parts::Pair> headers = parts::sorted_headers(covered);
  return request.method + "\n" + wire_path(request) + "\n" +
         parts::canonical_query(request.query, true) + "\n" + parts::lines_of(headers) + "\n" +
         parts::names_of(headers) + "\n" + std::string(payload_hash);
}

}  // namespace telecine::object

namespace telecine::object::parts {
namespace {

constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

/// What the two chains of SHA-256 differ in.
struct ChainForm {
  std::string_view algorithm;
  std::string_view key_prefix;
  std::string_view service;
  std::string_view terminator;
};
constexpr ChainForm kS3Chain = {"AWS4-HMAC-SHA256", "AWS4", "s3", "aws4_request"};
constexpr ChainForm kOssChain = {"OSS4-HMAC-SHA256", "aliyun_v4", "oss", "aliyun_v4_request"};

/// 20251121T120000Z
std::string basic_time(Millis at) {
  std::string out;
  for (const char c : rfc3339(at).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out + "Z";
}

std::string scope_of(const ChainForm& form, const Signable& request, std::string_view day) {
  return std::string(day) + "/" + request.region + "/" + std::string(form.service) + "/" +
         std::string(form.terminator);
}

std::string chain_signature(const ChainForm& form, const Credentials& credentials,
                            const Signable& request, Millis now, std::string_view canonical) {
  const std::string time = basic_time(now);
  const std::string day = time.substr(0, 8);
  std::string key = hmac_sha256(std::string(form.key_prefix) + credentials.secret_key, day);
  key = hmac_sha256(key, request.region);
  key = hmac_sha256(key, form.service);
  key = hmac_sha256(key, form.terminator);
  const std::string text = std::string(form.algorithm) + "\n" + time + "\n" +
                           scope_of(form, request, day) + "\n" + hex(sha256(canonical));
  return hex(hmac_sha256(key, text));
}

std::string credential_of(const ChainForm& form, const Credentials& credentials,
                          const Signable& request, Millis now) {
  return credentials.access_key + "/" + scope_of(form, request, basic_time(now).substr(0, 8));
}

bool is_covered_by_oss(std::string_view name) {
  return name.starts_with("x-oss-") || name == "content-type" || name == "content-md5";
}

/// `additional`: headers beyond those that are always covered.
std::string canonical_oss_v4(const Signable& request, const Headers& headers,
                             const Headers& additional) {
  std::vector<Pair> covered = sorted_headers(headers);
  std::erase_if(covered, [](const Pair& h) { return !is_covered_by_oss(h.first); });
  const std::vector<Pair> more = sorted_headers(additional);
  covered.insert(covered.end(), more.begin(), more.end());
  std::ranges::sort(covered);
  return request.method + "\n" + bucket_path(request, false) + "\n" +
         canonical_query(request.query, false) + "\n" + lines_of(covered) + "\n" + names_of(more) +
         "\n" + std::string(kUnsigned);
}

}  // namespace

Headers s3_v4_headers(const Credentials& credentials, const Signable& request, Millis now) {
  const std::string hash =
      request.payload_hash.empty() ? std::string(kUnsigned) : request.payload_hash;
  Headers added = {{"x-amz-content-sha256", hash}, {"x-amz-date", basic_time(now)}};
  if (!credentials.session_token.empty()) {
    added.push_back({"x-amz-security-token", credentials.session_token});
  }
  Headers covered = request.headers;
  covered.push_back({"host", request.host});
  covered.insert(covered.end(), added.begin(), added.end());
  const std::string canonical = canonical_s3_v4(request, covered, hash);
  added.push_back({"Authorization",
                   std::string(kS3Chain.algorithm) +
                       " Credential=" + credential_of(kS3Chain, credentials, request, now) +
                       ", SignedHeaders=" + names_of(sorted_headers(covered)) + ", Signature=" +
                       chain_signature(kS3Chain, credentials, request, now, canonical)});
  return added;
}

std::string s3_v4_link(const Credentials& credentials, Signable request, Millis now,
                       std::int64_t life) {
  Parameters& query = request.query;
  query.push_back({"X-Amz-Algorithm", std::string(kS3Chain.algorithm)});
  query.push_back({"X-Amz-Credential", credential_of(kS3Chain, credentials, request, now)});
  query.push_back({"X-Amz-Date", basic_time(now)});
  query.push_back({"X-Amz-Expires", std::to_string(life)});
  if (!credentials.session_token.empty()) {
    query.push_back({"X-Amz-Security-Token", credentials.session_token});
  }
  query.push_back({"X-Amz-SignedHeaders", "host"});
  const std::string canonical = canonical_s3_v4(request, {{"host", request.host}}, kUnsigned);
  return canonical_query(query, true) +
         "&X-Amz-Signature=" + chain_signature(kS3Chain, credentials, request, now, canonical);
}

Headers oss_v4_headers(const Credentials& credentials, const Signable& request, Millis now) {
  Headers added = {{"x-oss-content-sha256", std::string(kUnsigned)},
                   {"x-oss-date", basic_time(now)}};
  if (!credentials.session_token.empty()) {
    added.push_back({"x-oss-security-token", credentials.session_token});
  }
  Headers all = request.headers;
  all.insert(all.end(), added.begin(), added.end());
  const std::string canonical = canonical_oss_v4(request, all, {});
  added.push_back(
      {"Authorization", std::string(kOssChain.algorithm) + " Credential=" +
                            credential_of(kOssChain, credentials, request, now) + ",Signature=" +
                            chain_signature(kOssChain, credentials, request, now, canonical)});
  return added;
}

/// Headers of the request become additional ones: whoever follows the link must send them.
std::string oss_v4_link(const Credentials& credentials, Signable request, Millis now,
                        std::int64_t life) {
  Parameters& query = request.query;
  query.push_back({"x-oss-credential", credential_of(kOssChain, credentials, request, now)});
  query.push_back({"x-oss-date", basic_time(now)});
  query.push_back({"x-oss-expires", std::to_string(life)});
  query.push_back({"x-oss-signature-version", std::string(kOssChain.algorithm)});
  if (!credentials.session_token.empty()) {
    query.push_back({"x-oss-security-token", credentials.session_token});
  }
  if (!request.headers.empty()) {
    query.push_back({"x-oss-additional-headers", names_of(sorted_headers(request.headers))});
  }
  const std::string canonical = canonical_oss_v4(request, {}, request.headers);
  return canonical_query(query, false) +
         "&x-oss-signature=" + chain_signature(kOssChain, credentials, request, now, canonical);
}

}  // namespace telecine::object::parts
