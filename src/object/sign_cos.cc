#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"
#include "object/sign_parts.h"

namespace telecine::object::parts {
namespace {

constexpr std::int64_t kCosHeaderLife = 900;
constexpr std::int64_t kCosEarlier = 60;  ///< for clocks that are not quite right

}  // namespace

std::pair<std::string, std::string> cos_part(std::vector<Pair> items) {
  for (auto& [name, value] : items) {
    name = percent_encode(lower(name));
    value = percent_encode(value);
  }
  std::ranges::sort(items);
  std::vector<std::string> names;
  std::vector<std::string> pairs;
  for (const auto& [name, value] : items) {
    names.push_back(name);
    pairs.push_back(name + "=" + value);
  }
  return {join(names, ";"), join(pairs, "&")};
}

Headers cos_headers(const Credentials& credentials, Signable request, Millis now) {
  Headers added;
  if (!credentials.session_token.empty()) {
    added.push_back({"x-cos-security-token", credentials.session_token});
    request.headers.push_back(added.back());
  }
  const std::int64_t from = now / 1000 - kCosEarlier;
  added.push_back({"Authorization",
                   cos_authorization(credentials, request, from, now / 1000 + kCosHeaderLife)});
  return added;
}

std::string cos_link(const Credentials& credentials, Signable request, Millis now,
                     std::int64_t life) {
  const std::int64_t from = now / 1000 - kCosEarlier;
  request.headers.clear();
  const std::string own = wire_query(request.query);
  std::string link = own + (own.empty() ? "" : "&") +
                     cos_authorization(credentials, request, from, now / 1000 + life);
  if (!credentials.session_token.empty()) {
    link += "&x-cos-security-token=" + percent_encode(credentials.session_token);
  }
  return link;
}

}  // namespace telecine::object::parts

namespace telecine::object {

std::string cos_authorization(const Credentials& credentials, const Signable& request,
                              std::int64_t from, std::int64_t until) {
  std::vector<parts::Pair> parameters;
  for (const Parameter& p : request.query) parameters.emplace_back(p.name, p.value.value_or(""));
  Headers covered = request.headers;
  if (find_header(covered, "host").empty()) covered.push_back({"host", request.host});
  const auto [parameter_names, parameter_pairs] = parts::cos_part(std::move(parameters));
  const auto [header_names, header_pairs] = parts::cos_part(parts::sorted_headers(covered));

  const std::string span = std::to_string(from) + ";" + std::to_string(until);
  const std::string path =
      (request.path_style ? "/" + request.bucket : std::string()) + "/" + request.key;
  const std::string text =
      lower(request.method) + "\n" + path + "\n" + parameter_pairs + "\n" + header_pairs + "\n";
  const std::string key = hex(hmac_sha1(credentials.secret_key, span));
  const std::string to_sign = "sha1\n" + span + "\n" + hex(sha1(text)) + "\n";
  return "q-sign-algorithm=sha1&q-ak=" + credentials.access_key + "&q-sign-time=" + span +
         "&q-key-time=" + span + "&q-header-list=" + header_names +
         "&q-url-param-list=" + parameter_names + "&q-signature=" + hex(hmac_sha1(key, to_sign));
}

}  // namespace telecine::object
