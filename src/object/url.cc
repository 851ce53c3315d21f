#include "object/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/text.h"

namespace telecine::object {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Bytes outside ASCII are escaped, escapes that are there stay: people paste both.
constexpr unsigned kParse = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;

Handle make_handle() {
  return {curl_url(), &curl_url_cleanup};
}

Error malformed() {
  return Error{ErrorCode::kInvalidParameter,
               "This is not a valid URL: it must be absolute, like https://example.com/a.mp4, and "
               "have no spaces.",
               {}};
}

std::string part(CURLU* handle, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, what, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

Result<Url> take_apart(CURLU* handle) {
  Url url;
  url.has_userinfo =
      !part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty();
  curl_url_set(handle, CURLUPART_FRAGMENT, nullptr, 0);
  url.text = part(handle, CURLUPART_URL);
  url.scheme = lower(part(handle, CURLUPART_SCHEME));
  url.host = lower(part(handle, CURLUPART_HOST));
  if (url.host.starts_with('[') && url.host.ends_with(']')) {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  url.port =
      static_cast<int>(parse_int(part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT)).value_or(0));
  url.path = part(handle, CURLUPART_PATH);
  url.query = part(handle, CURLUPART_QUERY);
  if (url.text.empty() || url.host.empty()) return std::unexpected(malformed());
  return url;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::unexpected(malformed());
  const std::string copy(text);
  const Handle handle = make_handle();
  // The strict pass notices "https://@host/" too, whose empty user name cannot be read back.
  const CURLUcode strict =
      curl_url_set(handle.get(), CURLUPART_URL, copy.c_str(), kParse | CURLU_DISALLOW_USER);
  const bool has_userinfo = strict == CURLUE_USER_NOT_ALLOWED;
  if (strict != CURLUE_OK && !has_userinfo) return std::unexpected(malformed());
  if (has_userinfo &&
      curl_url_set(handle.get(), CURLUPART_URL, copy.c_str(), kParse) != CURLUE_OK) {
    return std::unexpected(malformed());
  }
  auto url = take_apart(handle.get());
  if (url) url->has_userinfo = url->has_userinfo || has_userinfo;
  return url;
}

Result<Url> resolve(const Url& base, std::string_view reference) {
  if (reference.find('\0') != std::string_view::npos) return std::unexpected(malformed());
  const Handle handle = make_handle();
  if (curl_url_set(handle.get(), CURLUPART_URL, base.text.c_str(), kParse) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, std::string(reference).c_str(),
                   kParse | CURLU_ALLOW_SPACE) != CURLUE_OK) {
    return std::unexpected(malformed());
  }
  // A second parse gives the outcome the same strictness as a URL that a caller wrote.
  return parse_url(part(handle.get(), CURLUPART_URL));
}

}  // namespace telecine::object
