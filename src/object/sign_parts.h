#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "object/sign.h"

/// What the forms of signing share. Only for sign*.cc.
namespace telecine::object::parts {

using Pair = std::pair<std::string, std::string>;

/// Names in lower case, values without superfluous blanks, sorted.
std::vector<Pair> sorted_headers(const Headers& headers);
/// "host;x-amz-date"
std::string names_of(const std::vector<Pair>& headers);
/// "host:example.com\n" for each.
std::string lines_of(const std::vector<Pair>& headers);
/// Encoded and sorted. `equals_always`: a parameter without a value gets its "=" all the same.
std::string canonical_query(const Parameters& query, bool equals_always);
/// "/bucket/key"
std::string bucket_path(const Signable& request, bool raw_key);

/// COS: names in lower case, encoded and sorted: their list, and the pairs joined.
std::pair<std::string, std::string> cos_part(std::vector<Pair> items);

Headers s3_v4_headers(const Credentials& credentials, const Signable& request, Millis now);
std::string s3_v4_link(const Credentials& credentials, Signable request, Millis now,
                       std::int64_t life);
Headers oss_v4_headers(const Credentials& credentials, const Signable& request, Millis now);
std::string oss_v4_link(const Credentials& credentials, Signable request, Millis now,
                        std::int64_t life);
Headers short_headers(Signature form, const Credentials& credentials, const Signable& request,
                      Millis now);
std::string short_link(Signature form, const Credentials& credentials, Signable request, Millis now,
                       std::int64_t life);
Headers cos_headers(const Credentials& credentials, Signable request, Millis now);
std::string cos_link(const Credentials& credentials, Signable request, Millis now,
                     std::int64_t life);

}  // namespace telecine::object::parts
