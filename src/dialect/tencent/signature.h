#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace telecine::tencent {

enum class Hmac {
  kSha1,
  kSha256,
  kTc2Sha256,  ///< SHA-256, over a line break and the digest of the parameters in their place
};
/// What a call's SignatureMethod means; SHA-1 when it means nothing else.
Hmac hmac_named(std::string_view method);

/// A call as its client may have seen it: several spellings of host and path, because clients sign
/// what they were configured with and proxies rewrite it.
struct SignedCall {
  std::string_view method;  ///< "GET", "POST"
  std::vector<std::string> hosts;
  std::vector<std::string> paths;
  const http::Pairs& parameters;  ///< as sent, decoded; Signature may be among them
};

/// The parameter strings that the known clients would sign, without doubles; the documented one
/// first. They differ in whether underscores become dots before or after sorting, and in whether a
/// name that begins with one is changed at all.
std::vector<std::string> canonical_parameters(std::string_view method,
                                              const http::Pairs& parameters);

/// base64(HMAC(secret, method + host + path + "?" + parameters))
std::string sign(Hmac hmac, std::string_view secret, std::string_view method, std::string_view host,
                 std::string_view path, std::string_view parameters);

/// Whether the signature is one that a client with this secret could have made.
bool is_signed(const SignedCall& call, Hmac hmac, std::string_view secret,
               std::string_view signature);

}  // namespace telecine::tencent
