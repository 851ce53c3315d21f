#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/time.h"
#include "object/sign.h"

namespace telecine::object {

/// The kinds of object stores; their names are URL schemes.
enum class StoreType : std::uint8_t { kS3, kOss, kObs, kCos };

}  // namespace telecine::object

namespace telecine {

template <>
inline constexpr auto kNames<object::StoreType> =
    std::to_array<Named<object::StoreType>>({{object::StoreType::kS3, "s3"},
                                             {object::StoreType::kOss, "oss"},
                                             {object::StoreType::kObs, "obs"},
                                             {object::StoreType::kCos, "cos"}});

}  // namespace telecine

namespace telecine::object {

/// type://bucket/key. The key is what stands there byte for byte: nothing is percent-decoded, '?'
/// and '#' belong to it.
struct CloudUrl {
  StoreType type = StoreType::kS3;
  std::string bucket;
  std::string key;  ///< 1 to 1024 bytes of UTF-8 without NUL
  bool operator==(const CloudUrl&) const = default;

  std::string text() const;
  static std::optional<CloudUrl> parse(std::string_view url);
};
/// Whether the scheme is one of an object store, whatever follows it.
bool has_cloud_scheme(std::string_view url);

/// An object store that the operator's configuration names: [[object.endpoint]].
struct Endpoint {
  std::string name{};
  StoreType type = StoreType::kS3;
  std::string region{};
  std::string url{};  ///< without a slash at the end; empty: the vendor's own host for the region
  std::optional<bool> path_style{};  ///< absent: only for a url that is an address
  std::string signature{};           ///< empty: the type's usual form
  std::string presign{};             ///< empty: as `signature`
  std::string access_key{};
  std::string secret_key{};
  std::string session_token_file{};    ///< read anew at each use; empty: the keys are lasting
  std::vector<std::string> buckets{};  ///< patterns with '*'; empty: every bucket
  std::string ca_file{};
  std::string public_base_url{};  ///< results are public below it: links need no signature
};

/// An endpoint that has been checked, with what was learnt of it while it was used.
struct KnownEndpoint {
  Endpoint options;
  Signature signature = Signature::kS3V4;
  Signature presign = Signature::kS3V4;
  bool path_style = false;
  mutable std::atomic<Millis> clock_offset = 0;  ///< its clock minus ours

  bool allows_bucket(std::string_view bucket) const;
};
using EndpointPtr = std::shared_ptr<const KnownEndpoint>;

/// A bucket at an endpoint, and whose keys open it.
struct Place {
  EndpointPtr endpoint;
  std::string bucket;
  std::optional<Credentials> own;  ///< of the caller; else the endpoint's
};

/// What may stand for a region in names of hosts.
bool is_region(std::string_view region);

/// The operator's endpoints, in the order of the configuration. Immutable; use from any thread.
class Endpoints {
 public:
  /// None.
  Endpoints() = default;
  /// Messages are for the operator.
  static Result<Endpoints> make(const std::vector<Endpoint>& all);

  /// The first that fits. An empty region fits every one.
  EndpointPtr find(StoreType type, std::string_view region, std::string_view bucket) const;
  EndpointPtr named(std::string_view name) const;
  /// The one with exactly this base URL: callers cannot name hosts of their own.
  EndpointPtr at_url(StoreType type, std::string_view url) const;

 private:
  std::vector<EndpointPtr> all_;
};

/// "cn-hangzhou" for "oss-cn-hangzhou" of OSS; other regions as they are.
std::string plain_region(StoreType type, std::string_view region);

Result<Credentials> credentials_of(const Place& place);
/// Host, region, bucket and style for a request about `key`; `region` replaces the configured one
/// where it is not empty.
Signable request_to(const Place& place, std::string_view key, std::string_view region = {});
/// "https://host" for that request.
std::string origin_of(const Place& place, const Signable& request);

/// A link by which anybody can GET the object for `life` seconds, or its public URL.
Result<std::string> link_to(const Place& place, std::string_view key, std::int64_t life);

}  // namespace telecine::object
