#include "dialect/tencent/signature.h"

#include <algorithm>
#include <map>

#include "base/crypto.h"

namespace telecine::tencent {
namespace {

using Sorted = std::map<std::string, std::string>;  // by name, in byte order

std::string dotted(std::string name) {
  std::ranges::replace(name, '_', '.');
  return name;
}

std::string keep_leading(const std::string& name) {
  return name.starts_with('_') ? name : dotted(name);
}

template <typename Names>
std::string joined(const Names& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) {
    if (!text.empty()) text += '&';
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

template <typename Rename>
std::string sort_then_rename(const Sorted& sorted, Rename rename) {
  http::Pairs renamed;
  for (const auto& [name, value] : sorted) renamed.emplace_back(rename(name), value);
  return joined(renamed);
}

template <typename Rename>
std::string rename_then_sort(const Sorted& sorted, Rename rename) {
  Sorted renamed;
  for (const auto& [name, value] : sorted) renamed[rename(name)] = value;
  return joined(renamed);
}

}  // namespace

std::vector<std::string> canonical_parameters(std::string_view method,
                                              const http::Pairs& parameters) {
  Sorted sorted;
  for (const auto& [name, value] : parameters) {
    if (name == "Signature") continue;
    // The mark of a file to upload, whose bytes nobody signs.
    if (method == "POST" && value.starts_with('@'))
      sorted.erase(name);
    else
      sorted[name] = value;
  }
  const auto has_underscore = [](const auto& item) { return item.first.contains('_'); };
  if (std::ranges::none_of(sorted, has_underscore)) return {joined(sorted)};
  std::vector<std::string> texts{sort_then_rename(sorted, dotted), rename_then_sort(sorted, dotted),
                                 sort_then_rename(sorted, keep_leading),
                                 rename_then_sort(sorted, keep_leading)};
  std::vector<std::string> distinct;
  for (std::string& text : texts) {
    if (std::ranges::find(distinct, text) == distinct.end()) distinct.push_back(std::move(text));
  }
  return distinct;
}

Hmac hmac_named(std::string_view method) {
  if (method == "HmacSHA256") return Hmac::kSha256;
  if (method == "TC2-HmacSHA256") return Hmac::kTc2Sha256;
  return Hmac::kSha1;
}

std::string sign(Hmac hmac, std::string_view secret, std::string_view method, std::string_view host,
                 std::string_view path, std::string_view parameters) {
  std::string text;
  text.reserve(method.size() + host.size() + path.size() + parameters.size() + 1);
  text.append(method).append(host).append(path).append("?");
  if (hmac == Hmac::kTc2Sha256)
    text.append("\n").append(hex(sha256(parameters)));
  else
    text.append(parameters);
  return base64(hmac == Hmac::kSha1 ? hmac_sha1(secret, text) : hmac_sha256(secret, text));
}

bool is_signed(const SignedCall& call, Hmac hmac, std::string_view secret,
               std::string_view signature) {
  for (const std::string& parameters : canonical_parameters(call.method, call.parameters)) {
    for (const std::string& host : call.hosts) {
      for (const std::string& path : call.paths) {
        const auto wanted = sign(hmac, secret, call.method, host, path, parameters);
        if (equal_constant_time(wanted, signature)) return true;
      }
    }
  }
  return false;
}

}  // namespace telecine::tencent
