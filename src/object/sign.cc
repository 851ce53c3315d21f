#include "object/sign.h"

#include <algorithm>

#include "base/text.h"
#include "object/sign_parts.h"

namespace telecine::object::parts {
namespace {

/// Runs of blanks become one: what a proxy may make of a header must not matter.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    const char plain = c == '\t' ? ' ' : c;
    if (plain != ' ' || (!out.empty() && out.back() != ' ')) out += plain;
  }
  return out;
}

}  // namespace

std::vector<Pair> sorted_headers(const Headers& headers) {
  std::vector<Pair> sorted;
  for (const Header& header : headers)
    sorted.emplace_back(lower(header.name), folded(header.value));
  std::ranges::sort(sorted);
  return sorted;
}

std::string names_of(const std::vector<Pair>& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) names.push_back(name);
  return join(names, ";");
}

std::string lines_of(const std::vector<Pair>& headers) {
  std::string out;
  for (const auto& [name, value] : headers) out += name + ":" + value + "\n";
  return out;
}

/// `equals_always`: a parameter without a value is written with "=" all the same.
std::string canonical_query(const Parameters& query, bool equals_always) {
  std::vector<Pair> sorted;
  std::vector<std::string> parts;
  for (const Parameter& p : query) {
    std::string value = p.value ? "=" + percent_encode(*p.value) : equals_always ? "=" : "";
    sorted.emplace_back(percent_encode(p.name), std::move(value));
  }
  std::ranges::sort(sorted);
  for (const auto& [name, value] : sorted) parts.push_back(name + value);
  return join(parts, "&");
}

std::string bucket_path(const Signable& request, bool raw_key) {
  return "/" + request.bucket + "/" + (raw_key ? request.key : percent_encode(request.key, true));
}

}  // namespace telecine::object::parts

namespace telecine::object {

std::string wire_path(const Signable& request) {
  if (request.path_style) return parts::bucket_path(request, false);
  return "/" + percent_encode(request.key, true);
}

std::string wire_query(const Parameters& query) {
  std::vector<std::string> items;
  for (const Parameter& p : query) {
    items.push_back(percent_encode(p.name) + (p.value ? "=" + percent_encode(*p.value) : ""));
  }
  return join(items, "&");
}

Headers sign_headers(Signature form, const Credentials& credentials, const Signable& request,
                     Millis now) {
  switch (form) {
    case Signature::kS3V4:
      return parts::s3_v4_headers(credentials, request, now);
    case Signature::kOssV4:
      return parts::oss_v4_headers(credentials, request, now);
    case Signature::kCos:
      return parts::cos_headers(credentials, request, now);
    case Signature::kS3V2:
    case Signature::kObs:
    case Signature::kOssV1:
      break;
  }
  return parts::short_headers(form, credentials, request, now);
}

std::string sign_link(Signature form, const Credentials& credentials, const Signable& request,
                      Millis now, std::int64_t life) {
  const std::int64_t bounded = std::clamp<std::int64_t>(life, 1, kLongestLink);
  switch (form) {
    case Signature::kS3V4:
      return parts::s3_v4_link(credentials, request, now, bounded);
    case Signature::kOssV4:
      return parts::oss_v4_link(credentials, request, now, bounded);
    case Signature::kCos:
      return parts::cos_link(credentials, request, now, life);
    case Signature::kS3V2:
    case Signature::kObs:
    case Signature::kOssV1:
      break;
  }
  return parts::short_link(form, credentials, request, now, life);
}

}  // namespace telecine::object
