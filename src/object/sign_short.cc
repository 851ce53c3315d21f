#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "object/sign_parts.h"

// The forms with one HMAC-SHA1 over a few lines: S3 V2, OBS, OSS V1.
namespace telecine::object::parts {
namespace {

/// What the forms built on one HMAC-SHA1 differ in.
struct ShortForm {
  Signature form;
  std::string_view scheme;         ///< of the Authorization header
  std::string_view header_prefix;  ///< of the vendor's headers
  std::string_view id_parameter;   ///< of links
  std::string_view token_header;
  std::string_view token_parameter;
  bool raw_key;  ///< the key stands in the string as it is, not encoded
};
constexpr std::array kShortForms = {
    ShortForm{Signature::kS3V2, "AWS", "x-amz-", "AWSAccessKeyId", "x-amz-security-token",
              "x-amz-security-token", false},
    ShortForm{Signature::kObs, "OBS", "x-obs-", "AccessKeyId", "x-obs-security-token",
              "x-obs-security-token", false},
    ShortForm{Signature::kOssV1, "OSS", "x-oss-", "OSSAccessKeyId", "x-oss-security-token",
              "security-token", true},
};

/// Parameters that name a part of the object and therefore belong into the short forms' string.
constexpr std::array<std::string_view, 22> kSubresources = {"acl",
                                                            "cors",
                                                            "delete",
                                                            "lifecycle",
                                                            "location",
                                                            "logging",
                                                            "notification",
                                                            "partNumber",
                                                            "policy",
                                                            "replication",
                                                            "requestPayment",
                                                            "restore",
                                                            "security-token",
                                                            "tagging",
                                                            "torrent",
                                                            "uploadId",
                                                            "uploads",
                                                            "versionId",
                                                            "versioning",
                                                            "versions",
                                                            "website",
                                                            "append"};

const ShortForm& short_form(Signature form) {
  return *std::ranges::find(kShortForms, form, &ShortForm::form);
}

bool is_subresource(const ShortForm& form, std::string_view name) {
  return std::ranges::find(kSubresources, name) != kSubresources.end() ||
         name.starts_with("response-") ||
         (form.form == Signature::kOssV1 && name.starts_with("x-oss-"));
}

std::string short_resource(const ShortForm& form, const Signable& request) {
  std::vector<Pair> sorted;
  for (const Parameter& p : request.query) {
    if (is_subresource(form, p.name)) sorted.emplace_back(p.name, p.value ? "=" + *p.value : "");
  }
  std::ranges::sort(sorted);
  std::vector<std::string> parts;
  for (const auto& [name, value] : sorted) parts.push_back(name + value);
  return bucket_path(request, form.raw_key) + (parts.empty() ? "" : "?" + join(parts, "&"));
}

std::string short_signature(const ShortForm& form, const Credentials& credentials,
                            const Signable& request, const Headers& headers,
                            std::string_view date) {
  std::vector<Pair> own = sorted_headers(headers);
  std::erase_if(own, [&](const Pair& h) { return !h.first.starts_with(form.header_prefix); });
  const std::string text = request.method + "\n" +
                           std::string(find_header(headers, "Content-MD5")) + "\n" +
                           std::string(find_header(headers, "Content-Type")) + "\n" +
                           std::string(date) + "\n" + lines_of(own) + short_resource(form, request);
  return base64(hmac_sha1(credentials.secret_key, text));
}

}  // namespace

Headers short_headers(Signature which, const Credentials& credentials, const Signable& request,
                      Millis now) {
  const ShortForm& form = short_form(which);
  Headers added;
  std::string date(find_header(request.headers, "Date"));
  const auto own_date = find_header(request.headers, std::string(form.header_prefix) + "date");
  if (!own_date.empty()) {
    // S3 and OBS leave the line empty then; OSS repeats the value there.
    date = which == Signature::kOssV1 ? std::string(own_date) : "";
  } else if (date.empty()) {
    date = http_date(now);
    added.push_back({"Date", date});
  }
  if (!credentials.session_token.empty()) {
    added.push_back({std::string(form.token_header), credentials.session_token});
  }
  Headers all = request.headers;
  all.insert(all.end(), added.begin(), added.end());
  added.push_back({"Authorization", std::string(form.scheme) + " " + credentials.access_key + ":" +
                                        short_signature(form, credentials, request, all, date)});
  return added;
}

std::string short_link(Signature which, const Credentials& credentials, Signable request,
                       Millis now, std::int64_t life) {
  const ShortForm& form = short_form(which);
  const std::string until = std::to_string(now / 1000 + life);
  const std::string& token = credentials.session_token;
  std::string tail;
  if (!token.empty()) {
    tail = "&" + std::string(form.token_parameter) + "=" + percent_encode(token);
    // OSS counts it among the sub-resources, the others among the headers.
    if (form.form == Signature::kOssV1)
      request.query.push_back({std::string(form.token_parameter), token});
    else
      request.headers.push_back({std::string(form.token_header), token});
  }
  const std::string signature = short_signature(form, credentials, request, request.headers, until);
  std::erase_if(request.query, [&](const Parameter& p) { return p.name == form.token_parameter; });
  const std::string own = wire_query(request.query);
  return own + (own.empty() ? "" : "&") + std::string(form.id_parameter) + "=" +
         percent_encode(credentials.access_key) + "&Expires=" + until +
         "&Signature=" + percent_encode(signature) + tail;
}

}  // namespace telecine::object::parts
