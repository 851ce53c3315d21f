#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace telecine::aliyun {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Escaped, sorted by name and joined: "A=1&B=x%20y". `pairs` are decoded.
std::string canonical_query(const Pairs& pairs);

/// Signature 1.0: of all parameters but `Signature`, decoded. The path is `/` whatever it was.
std::string string_to_sign(std::string_view method, const Pairs& parameters);
std::string sign_sha1(std::string_view secret, std::string_view text);

/// What stands in the header of the third version:
/// "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=a;b,Signature=hex".
struct Authorization {
  std::string algorithm;
  std::string key;
  std::vector<std::string> headers;  ///< lower case, as listed
  std::string signature;
};
/// Nothing when it is malformed. Only the algorithm is filled in when it is another one.
std::optional<Authorization> parse_authorization(std::string_view text);
inline constexpr std::string_view kAlgorithm = "ACS3-HMAC-SHA256";

/// `headers` are those that are signed, with their values, in the order of the list.
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
std::string canonical_request(std::string_view method, const Pairs& query, const Headers& headers,
                              std::string_view payload_hash);
std::string string_to_sign_v3(std::string_view canonical);
std::string sign_sha256(std::string_view secret, std::string_view text);

/// "2019-09-20T06:33:37Z" exactly; nothing for any other form.
std::optional<Millis> parse_timestamp(std::string_view text);

}  // namespace telecine::aliyun
