#include "dialect/tencent/arguments.h"

#include <algorithm>

#include "base/text.h"
#include "http/multipart.h"

namespace telecine::tencent {
namespace {

std::unexpected<Error> bad(std::string_view name, std::string message) {
  return fail(ErrorCode::kInvalidParameter, std::move(message), std::string(name));
}

Result<std::int64_t> to_integer(std::string_view name, const std::string& text, std::int64_t least,
                                std::int64_t most) {
  const auto value = parse_int(trim(text));
  if (value && *value >= least && *value <= most) return *value;
  return bad(name,
             "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

Arguments::Arguments(const http::Pairs& parameters) {
  for (const auto& [name, value] : parameters) {
    std::string dotted = name;
    std::ranges::replace(dotted, '_', '.');
    values_[std::move(dotted)] = value;
  }
}

std::string Arguments::text(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? "" : at->second;
}

bool Arguments::has_part(std::string_view name) const {
  const std::string below = std::string(name) + ".";
  const auto at = values_.lower_bound(below);
  return has(name) || (at != values_.end() && at->first.starts_with(below));
}

Result<std::optional<std::int64_t>> Arguments::integer(std::string_view name, std::int64_t least,
                                                       std::int64_t most) const {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  auto number = to_integer(name, value, least, most);
  if (!number) return std::unexpected(number.error());
  return *number;
}

Result<std::optional<double>> Arguments::number(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const auto number = parse_double(trim(value));
  constexpr double kWeek = 604'800;
  if (!number || !(*number >= -kWeek && *number <= kWeek)) {
    return bad(name, "must be a number of seconds");
  }
  return *number;
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  const std::string below = std::string(name) + ".";
  std::map<std::int64_t, std::string> items;
  for (auto at = values_.lower_bound(below); at != values_.end(); ++at) {
    if (!at->first.starts_with(below)) break;
    const auto subscript = parse_int(std::string_view(at->first).substr(below.size()));
    if (subscript && *subscript >= 0 && !at->second.empty()) items[*subscript] = at->second;
  }
  std::vector<std::string> values;
  for (auto& [subscript, value] : items) values.push_back(std::move(value));
  return values;
}

Result<std::vector<std::int64_t>> Arguments::integers(std::string_view name, std::int64_t least,
                                                      std::int64_t most) const {
  std::vector<std::int64_t> numbers;
  for (const std::string& text : list(name)) {
    auto number = to_integer(name, text, least, most);
    if (!number) return std::unexpected(number.error());
    numbers.push_back(*number);
  }
  return numbers;
}

Result<http::Pairs> parameters_of(const http::Request& request) {
  if (request.method != http::Method::kPost) return request.query_parameters();
  const auto header = request.headers.get("content-type");
  const std::string type = lower(trim(header.substr(0, header.find(';'))));
  if (type == "multipart/form-data") return http::parse_multipart(header, request.body);
  if (type == "application/json") {
    return bad("", "the body must be a form; this API takes no JSON");
  }
  return http::parse_form(request.body);
}

}  // namespace telecine::tencent
