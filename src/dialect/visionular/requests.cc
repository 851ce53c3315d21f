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
const json::value* Parameters::find(std::string_view name) const {
  const json::value* value = values_.if_contains(name);
  if (value == nullptr) {
    for (const auto& item : values_) {
      if (iequals(item.key(), name)) value = &item.value();
    }
  }
  if (value == nullptr || value->is_null()) return nullptr;
  const auto* text = value->if_string();
  return text != nullptr && text->empty() ? nullptr : value;
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
