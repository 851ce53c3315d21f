#include "dialect/aliyun/call.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace telecine::aliyun {
namespace {

constexpr std::size_t kMaxQuery = 64 << 10;
constexpr std::size_t kMaxBody = 1 << 20;
constexpr std::size_t kMaxParameters = 200;

/// The hash is what a client of this version sends when it has nothing to sign with.
bool is_v3(const http::Request& request) {
  return request.headers.get("authorization").starts_with("ACS3-") ||
         request.headers.has("x-acs-content-sha256");
}

std::string media_type(const http::Request& request) {
  const std::string_view value = request.headers.get("content-type");
  return lower(trim(value.substr(0, value.find(';'))));
}

bool has_form(const http::Request& request) {
  const std::string type = media_type(request);
  return type.empty() || type == "application/x-www-form-urlencoded";
}

/// Nothing when it is malformed.
std::optional<std::string> decoded(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '%' && c != '+'; };
  if (std::ranges::all_of(text, is_plain)) return std::string(text);
  auto out = percent_decode(text, true);
  if (out && !is_valid_utf8(*out)) out.reset();
  return out;
}

std::expected<Pairs, Refusal> decode(std::string_view text) {
  constexpr std::size_t kUsual = 12;
  Pairs out;
  out.reserve(kUsual);
  while (!text.empty()) {
    const auto part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    auto name = decoded(part.substr(0, equals));
    auto value = decoded(part.substr(std::min(equals + 1, part.size())));
    if (!name || !value) return std::unexpected(Refusal{Code::kMalformedParameters});
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

/// The scalars of a JSON object.
std::expected<Pairs, Refusal> decode_json(std::string_view text) {
  const auto value = parse_json(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::unexpected(Refusal{Code::kMalformedParameters});
  Pairs out;
  for (const auto& item : *object) {
    const std::string name(item.key());
    const json::value& scalar = item.value();
    if (scalar.is_null()) continue;
    if (scalar.is_structured()) return std::unexpected(Refusal{Code::kInvalidParameter, name});
    out.emplace_back(
        name, scalar.is_string() ? std::string(scalar.get_string()) : json::serialize(scalar));
  }
  return out;
}

std::expected<Pairs, Refusal> body_of(const http::Request& request) {
  if (request.body.empty()) return Pairs();
  if (has_form(request)) return decode(request.body);
  if (is_v3(request) && media_type(request) == "application/json") {
    return decode_json(request.body);
  }
  return std::unexpected(Refusal{Code::kInvalidFormat});
}

std::optional<Format> format_named(std::string_view word, bool v3) {
  if (word.empty()) return v3 ? Format::kJson : Format::kXml;
  if (iequals(word, "json")) return Format::kJson;
  if (iequals(word, "xml")) return Format::kXml;
  return std::nullopt;
}

/// Everything in it as far as it can be read.
http::Pairs loose_pairs(const http::Request& request) {
  http::Pairs pairs = request.query_parameters();
  if (has_form(request)) {
    for (auto& pair : http::parse_form(request.body)) pairs.push_back(std::move(pair));
  } else if (is_v3(request)) {
    if (auto body = body_of(request)) {
      for (auto& pair : *body) pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

}  // namespace

std::string_view Call::get(std::string_view name) const {
  const auto at = std::ranges::find(parameters, name, &Pairs::value_type::first);
  return at == parameters.end() ? std::string_view() : std::string_view(at->second);
}

bool is_call(const http::Request& request) {
  if (is_v3(request)) return true;
  if (request.headers.has("x-tc-action")) return false;
  constexpr std::array kOurs = {"AccessKeyId", "SignatureNonce", "Action"};
  constexpr std::array kTheirs = {"SecretId", "Nonce"};
  const http::Pairs form = has_form(request) ? http::parse_form(request.body) : http::Pairs();
  const auto holds = [&](const char* name) {
    return request.query_parameter(name) ||
           std::ranges::find(form, name, &http::Pairs::value_type::first) != form.end();
  };
  return std::ranges::any_of(kOurs, holds) && std::ranges::none_of(kTheirs, holds);
}

Format format_of(const http::Request& request) {
  const bool v3 = is_v3(request);
  for (const auto& [name, value] : loose_pairs(request)) {
    if (name != "Format") continue;
    if (const auto format = format_named(value, v3)) return *format;
  }
  return v3 ? Format::kJson : Format::kXml;
}

std::expected<Call, Refusal> read_call(const http::Request& request) {
  Call call;
  call.v3 = is_v3(request);
  call.method = request.method_text;
  if (request.query.size() > kMaxQuery) {
    return std::unexpected(Refusal{Code::kInvalidParameter, "query"});
  }
  if (request.body.size() > kMaxBody) {
    return std::unexpected(Refusal{Code::kInvalidParameter, "body"});
  }
  auto query = decode(request.query);
  if (!query) return std::unexpected(query.error());
  auto body = body_of(request);
  if (!body) return std::unexpected(body.error());
  if (query->size() + body->size() > kMaxParameters) {
    return std::unexpected(Refusal{Code::kInvalidParameter, "query"});
  }
  if (call.v3) call.query = *query;
  Pairs& all = call.parameters;
  all = std::move(*query);
  std::ranges::move(*body, std::back_inserter(all));
  for (auto at = all.begin(); at != all.end(); ++at) {
    if (std::ranges::find(all.begin(), at, at->first, &Pairs::value_type::first) == at) continue;
    return std::unexpected(Refusal{Code::kInvalidParameter, at->first});
  }
  const auto format = format_named(call.get("Format"), call.v3);
  if (!format) return std::unexpected(Refusal{Code::kInvalidFormat});
  call.format = *format;
  call.action = call.v3 ? request.headers.get("x-acs-action") : call.get("Action");
  call.version = call.v3 ? request.headers.get("x-acs-version") : call.get("Version");
  return call;
}

}  // namespace telecine::aliyun
