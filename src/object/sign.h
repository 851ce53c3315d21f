#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.h"
#include "base/time.h"
#include "object/exchange.h"

/// How object stores recognise their callers. Pure functions of the request and the time.
namespace telecine::object {

enum class Signature : std::uint8_t { kS3V4, kS3V2, kOssV1, kOssV4, kObs, kCos };

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  ///< empty: the credentials are not temporary
};

/// A query parameter, not encoded; without a value it is a bare name ("uploads").
struct Parameter {
  std::string name;
  std::optional<std::string> value{};
};
using Parameters = std::vector<Parameter>;

struct Signable {
  std::string method = "GET";
  std::string host{};    ///< as in the Host header, with a port that is not the usual one
  std::string region{};  ///< V4 forms
  std::string bucket{};
  std::string key{};  ///< not encoded, without a slash in front
  /// The bucket stands in the path and not in the host.
  bool path_style = false;
  Parameters query{};
  Headers headers{};  ///< of the request; all are covered where the form allows it
  /// S3 V4: lower-case hex SHA-256 of the body, or "UNSIGNED-PAYLOAD".
  std::string payload_hash{};
};

/// What makes a link last: V4 forms take at most 7 days.
inline constexpr std::int64_t kLongestLink = 7 * 86'400;

/// The headers to add to the request; those of `request` are not repeated.
Headers sign_headers(Signature form, const Credentials& credentials, const Signable& request,
                     Millis now);

/// The whole query of a link for this request, signature included. `life` is in seconds.
std::string sign_link(Signature form, const Credentials& credentials, const Signable& request,
                      Millis now, std::int64_t life);

/// The path on the wire: "/key" or "/bucket/key", encoded.
std::string wire_path(const Signable& request);
/// The query on the wire: "partNumber=1&uploadId=…", encoded, in the order given.
std::string wire_query(const Parameters& query);

/// COS alone: the signature for a span of seconds.
std::string cos_authorization(const Credentials& credentials, const Signable& request,
                              std::int64_t from, std::int64_t until);
/// V4 alone: the text whose hash is signed.
std::string canonical_s3_v4(const Signable& request, const Headers& covered,
                            std::string_view payload_hash);

}  // namespace telecine::object
