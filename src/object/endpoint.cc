#include "object/endpoint.h"

#include <algorithm>
#include <array>

#include "base/fs.h"
#include "base/text.h"
#include "object/address.h"
#include "object/url.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostKey = 1024;

/// The vendors' hosts around the region.
struct HostRow {
  StoreType type;
  std::string_view before;
  std::string_view after;
  std::string_view usual_signature;
};
constexpr std::array kHosts = {
    HostRow{StoreType::kS3, "s3.", ".amazonaws.com", "v4"},
    HostRow{StoreType::kOss, "oss-", ".aliyuncs.com", "v4"},
    HostRow{StoreType::kObs, "obs.", ".myhuaweicloud.com", "obs"},
    HostRow{StoreType::kCos, "cos.", ".myqcloud.com", "cos"},
};

struct SignatureRow {
  StoreType type;
  std::string_view name;
  Signature form;
};
constexpr std::array kSignatures = {
    SignatureRow{StoreType::kS3, "v4", Signature::kS3V4},
    SignatureRow{StoreType::kS3, "v2", Signature::kS3V2},
    SignatureRow{StoreType::kOss, "v4", Signature::kOssV4},
    SignatureRow{StoreType::kOss, "v1", Signature::kOssV1},
    SignatureRow{StoreType::kObs, "obs", Signature::kObs},
    SignatureRow{StoreType::kObs, "v2", Signature::kS3V2},
    SignatureRow{StoreType::kCos, "cos", Signature::kCos},
};

const HostRow& host_row(StoreType type) {
  return *std::ranges::find(kHosts, type, &HostRow::type);
}

Result<Signature> signature_named(StoreType type, std::string_view name) {
  std::vector<std::string> possible;
  for (const SignatureRow& row : kSignatures) {
    if (row.type == type && row.name == name) return row.form;
    if (row.type == type) possible.emplace_back(row.name);
  }
  return fail(ErrorCode::kInvalidParameter, "a signature of " + std::string(name_of(type)) +
                                                " is " + join(possible, " or ") + ", not \"" +
                                                printable(name, 40) + "\"");
}

bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at) {
    if (matches(rest, text.substr(at))) return true;
  }
  return false;
}

bool is_bucket_name(std::string_view name) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return name.size() >= 3 && name.size() <= 255 &&
         name.find_first_not_of(kAllowed) == std::string_view::npos &&
         name.find("..") == std::string_view::npos && name.front() != '.' && name.front() != '-';
}

}  // namespace

bool is_region(std::string_view region) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
  return !region.empty() && region.size() <= 64 &&
         region.find_first_not_of(kAllowed) == std::string_view::npos;
}

namespace {

std::string authority_of(const Url& url) {
  const bool usual = url.port == (url.scheme == "https" ? 443 : 80);
  const bool v6 = url.host.find(':') != std::string::npos;
  return (v6 ? "[" + url.host + "]" : url.host) + (usual ? "" : ":" + std::to_string(url.port));
}

Result<EndpointPtr> check(Endpoint endpoint) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::kInvalidParameter, "the endpoint \"" + endpoint.name + "\" " + why);
  };
  auto known = std::make_shared<KnownEndpoint>();
  while (endpoint.url.ends_with('/')) endpoint.url.pop_back();
  endpoint.region = plain_region(endpoint.type, endpoint.region);
  if (!is_region(endpoint.region)) return refuse("needs a region such as us-east-1");
  bool is_address = false;
  if (!endpoint.url.empty()) {
    const auto url = parse_url(endpoint.url);
    const bool web = url && (url->scheme == "http" || url->scheme == "https");
    if (!web || url->has_userinfo || url->path != "/" || !url->query.empty()) {
      return refuse("needs a url such as http://127.0.0.1:7480, without a path");
    }
    is_address = IpAddress::parse(url->host).has_value();
  }
  if (endpoint.access_key.empty() != endpoint.secret_key.empty()) {
    return refuse("needs both access_key and a secret, or neither");
  }
  known->path_style = endpoint.path_style.value_or(is_address);
  const std::string usual(host_row(endpoint.type).usual_signature);
  auto form =
      signature_named(endpoint.type, endpoint.signature.empty() ? usual : endpoint.signature);
  if (!form) return refuse("has a bad signature: " + form.error().message);
  known->signature = known->presign = *form;
  if (!endpoint.presign.empty()) {
    form = signature_named(endpoint.type, endpoint.presign);
    if (!form) return refuse("has a bad presign: " + form.error().message);
    known->presign = *form;
  }
  while (endpoint.public_base_url.ends_with('/')) endpoint.public_base_url.pop_back();
  known->options = std::move(endpoint);
  return known;
}

}  // namespace

std::string CloudUrl::text() const {
  return std::string(name_of(type)) + "://" + bucket + "/" + key;
}

std::optional<CloudUrl> CloudUrl::parse(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto type = value_named<StoreType>(url.substr(0, colon));
  const std::string_view rest = url.substr(colon + 3);
  const auto slash = rest.find('/');
  if (!type || slash == std::string_view::npos) return std::nullopt;
  CloudUrl parsed{*type, std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
  const bool valid = is_bucket_name(parsed.bucket) && !parsed.key.empty() &&
                     parsed.key.size() <= kMostKey && parsed.key.find('\0') == std::string::npos &&
                     is_valid_utf8(parsed.key);
  if (!valid) return std::nullopt;
  return parsed;
}

bool has_cloud_scheme(std::string_view url) {
  const auto colon = url.find("://");
  return colon != std::string_view::npos && value_named<StoreType>(url.substr(0, colon));
}

bool KnownEndpoint::allows_bucket(std::string_view bucket) const {
  if (!is_bucket_name(bucket)) return false;
  return options.buckets.empty() ||
         std::ranges::any_of(options.buckets,
                             [&](const std::string& pattern) { return matches(pattern, bucket); });
}

Result<Endpoints> Endpoints::make(const std::vector<Endpoint>& all) {
  Endpoints made;
  for (const Endpoint& endpoint : all) {
    if (endpoint.name.empty() || made.named(endpoint.name)) {
      return fail(ErrorCode::kInvalidParameter, "every endpoint needs a name of its own");
    }
    auto known = check(endpoint);
    if (!known) return std::unexpected(known.error());
    made.all_.push_back(std::move(*known));
  }
  return made;
}

EndpointPtr Endpoints::find(StoreType type, std::string_view region,
                            std::string_view bucket) const {
  const std::string wanted = plain_region(type, region);
  for (const EndpointPtr& endpoint : all_) {
    const bool fits = endpoint->options.type == type &&
                      (wanted.empty() || endpoint->options.region == wanted) &&
                      endpoint->allows_bucket(bucket);
    if (fits) return endpoint;
  }
  return nullptr;
}

EndpointPtr Endpoints::named(std::string_view name) const {
  for (const EndpointPtr& endpoint : all_) {
    if (endpoint->options.name == name) return endpoint;
  }
  return nullptr;
}

EndpointPtr Endpoints::at_url(StoreType type, std::string_view url) const {
  while (url.ends_with('/')) url.remove_suffix(1);
  for (const EndpointPtr& endpoint : all_) {
    const Endpoint& options = endpoint->options;
    if (!url.empty() && options.url == url && options.type == type) return endpoint;
  }
  return nullptr;
}

std::string plain_region(StoreType type, std::string_view region) {
  if (type == StoreType::kOss && region.starts_with("oss-")) region.remove_prefix(4);
  return std::string(region);
}

Result<Credentials> credentials_of(const Place& place) {
  if (place.own) return *place.own;
  const Endpoint& options = place.endpoint->options;
  Credentials credentials{options.access_key, options.secret_key, {}};
  if (options.session_token_file.empty()) return credentials;
  constexpr std::size_t kMostToken = 64 * 1024;
  auto token = read_file(options.session_token_file, kMostToken);
  if (!token) {
    return fail(ErrorCode::kStorageDenied, "The storage's session token cannot be read.");
  }
  credentials.session_token = trim(*token);
  return credentials;
}

Signable request_to(const Place& place, std::string_view key, std::string_view region) {
  const KnownEndpoint& endpoint = *place.endpoint;
  Signable request;
  request.region = region.empty() ? endpoint.options.region : std::string(region);
  request.bucket = place.bucket;
  request.key = key;
  request.path_style = endpoint.path_style;
  std::string authority;
  if (const auto url = parse_url(endpoint.options.url)) {
    authority = authority_of(*url);
  } else {
    const HostRow& row = host_row(endpoint.options.type);
    authority = std::string(row.before) + request.region + std::string(row.after);
  }
  request.host = endpoint.path_style ? authority : place.bucket + "." + authority;
  return request;
}

std::string origin_of(const Place& place, const Signable& request) {
  const bool plain = place.endpoint->options.url.starts_with("http://");
  return (plain ? "http://" : "https://") + request.host;
}

Result<std::string> link_to(const Place& place, std::string_view key, std::int64_t life) {
  const KnownEndpoint& endpoint = *place.endpoint;
  const std::string& base = endpoint.options.public_base_url;
  if (!base.empty()) return base + "/" + percent_encode(key, true);
  auto credentials = credentials_of(place);
  if (!credentials) return std::unexpected(credentials.error());
  const Signable request = request_to(place, key);
  return origin_of(place, request) + wire_path(request) + "?" +
         sign_link(endpoint.presign, *credentials, request, now_ms() + endpoint.clock_offset, life);
}

}  // namespace telecine::object
