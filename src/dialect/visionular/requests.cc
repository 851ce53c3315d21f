#include "dialect/visionular/requests.h"

#include "base/text.h"

namespace telecine::visionular {

Answer<Parameters> Parameters::of(const http::Request& request) {
  Parameters parameters;
  for (const auto& [name, value] : request.query_parameters()) {
    if (!parameters.values_.contains(name)) parameters.values_[name] = value;
  }
  if (trim(request.body).empty()) return parameters;
  auto body = parse_json(request.body);
  if (!body || !body->is_object()) return refuse(Code::kBad, "the body is not a JSON object");
  for (auto& item : body->get_object()) {
    parameters.values_[item.key()] = std::move(item.value());
  }
  return parameters;
}

/// Exactly, or else in any case: the vendor's own examples are not always written alike.
const json::value* Parameters::lookup(std::string_view name) const {
  const json::value* value = values_.if_contains(name);
  if (value == nullptr) {
    for (const auto& item : values_) {
      if (iequals(item.key(), name)) value = &item.value();
    }
  }
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::value* Parameters::find(std::string_view name) const {
  const json::value* value = lookup(name);
  if (value == nullptr) return nullptr;
  const auto* text = value->if_string();
  return text != nullptr && text->empty() ? nullptr : value;
}

bool Parameters::given(std::string_view name) const {
  return lookup(name) != nullptr;
}

Answer<void> Parameters::need(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (find(name) == nullptr) return refuse(Code::kLack, std::string(name) + " is required");
  }
  return {};
}

std::string Parameters::verbatim(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return {};
  const auto* text = value->if_string();
  return text != nullptr ? std::string(text->data(), text->size()) : json::serialize(*value);
}

Answer<std::optional<std::string>> Parameters::text(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->if_string()) return std::string(text->data(), text->size());
  return refuse(Code::kBad, std::string(name) + " must be a string");
}

Answer<std::optional<std::int64_t>> Parameters::integer(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->if_int64()) return *number;
  if (const auto* text = value->if_string()) {
    if (const auto number = parse_int({text->data(), text->size()})) return *number;
  }
  return refuse(Code::kBad, std::string(name) + " must be an integer");
}

Answer<std::optional<double>> Parameters::number(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_double()) return value->get_double();
  if (const auto* whole = value->if_int64()) return static_cast<double>(*whole);
  if (const auto* text = value->if_string()) {
    if (const auto number = parse_double({text->data(), text->size()})) return *number;
  }
  return refuse(Code::kBad, std::string(name) + " must be a number");
}

Answer<std::string> Parameters::required(std::string_view name) const {
  auto value = text(name);
  if (!value) return std::unexpected(value.error());
  if (!*value) return refuse(Code::kLack, std::string(name) + " is required");
  return **value;
}

Answer<std::int64_t> Parameters::required_integer(std::string_view name) const {
  auto value = integer(name);
  if (!value) return std::unexpected(value.error());
  if (!*value) return refuse(Code::kLack, std::string(name) + " is required");
  return **value;
}

}  // namespace telecine::visionular
