#include "base/json.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace telecine {

Result<json::value> parse_json(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) {
    return fail(ErrorCode::kInvalidParameter, "the body is not valid JSON: " + error.message());
  }
  return value;
}

ObjectReader::ObjectReader(const json::value& value, std::string path)
    : object_(value.if_object()), path_(std::move(path)) {
  if (object_ == nullptr) {
    problem_ = Error{ErrorCode::kInvalidParameter, "must be a JSON object", path_};
  }
}

std::string ObjectReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void ObjectReader::refuse(std::string_view key, std::string message) {
  if (!problem_) problem_ = Error{ErrorCode::kInvalidParameter, std::move(message), path_of(key)};
}

void ObjectReader::refuse(const Error& error) {
  if (!problem_) problem_ = error;
}

bool ObjectReader::has(std::string_view key) const {
  if (object_ == nullptr) return false;
  const auto* value = object_->if_contains({key.data(), key.size()});
  return value != nullptr && !value->is_null();
}

const json::value* ObjectReader::find(std::string_view key) {
  known_.emplace_back(key);
  if (problem_ || !has(key)) return nullptr;
  return object_->if_contains({key.data(), key.size()});
}

const json::value* ObjectReader::any(std::string_view key) {
  return find(key);
}

std::optional<std::string> ObjectReader::text(std::string_view key, std::size_t max_bytes) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->if_string();
  if (text == nullptr) {
    refuse(key, "must be a string");
    return std::nullopt;
  }
  if (text->size() > max_bytes) {
    refuse(key, "must be at most " + std::to_string(max_bytes) + " bytes long");
    return std::nullopt;
  }
  if (std::find(text->begin(), text->end(), '\0') != text->end()) {
    refuse(key, "must not contain a NUL character");
    return std::nullopt;
  }
  return std::string(text->data(), text->size());
}

namespace {

std::string plain(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  std::string text = std::to_string(value);
  while (text.ends_with('0')) text.pop_back();
  return text;
}

}  // namespace

std::optional<double> ObjectReader::number(std::string_view key, double least, double most) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    refuse(key, "must be a number");
    return std::nullopt;
  }
  const double number = value->to_number<double>();
  if (number < least || number > most) {
    refuse(key, "must be from " + plain(least) + " to " + plain(most));
    return std::nullopt;
  }
  return number;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key, std::int64_t least,
                                                  std::int64_t most) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->is_number() ? value->to_number<std::int64_t>(error) : 0;
  if (!value->is_number() || error) {
    refuse(key, "must be a whole number");
    return std::nullopt;
  }
  if (number < least || number > most) {
    refuse(key, "must be from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ObjectReader::boolean(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    refuse(key, "must be true or false");
    return std::nullopt;
  }
  return value->get_bool();
}

const json::array* ObjectReader::array(std::string_view key, std::size_t max_items) {
  const auto* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* array = value->if_array();
  if (array == nullptr) {
    refuse(key, "must be a list");
  } else if (array->size() > max_items) {
    refuse(key, "must have at most " + std::to_string(max_items) + " items");
    return nullptr;
  }
  return array;
}

const json::object* ObjectReader::object(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* object = value->if_object();
  if (object == nullptr) refuse(key, "must be an object");
  return object;
}

Status ObjectReader::finish() {
  if (problem_) return std::unexpected(*problem_);
  for (const auto& item : *object_) {
    const std::string key(item.key());
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    std::string message = "is not a field this object has";
    if (const auto near = nearest(key, known_))
      message += "; did you mean \"" + *near + "\"?";
    else
      message += "; it has " + join(known_, ", ");
    return std::unexpected(Error{ErrorCode::kInvalidParameter, message, path_of(key)});
  }
  return {};
}

const json::value* LooseReader::at(std::string_view key) const {
  const auto* value = object_ == nullptr ? nullptr : object_->if_contains({key.data(), key.size()});
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string LooseReader::text(std::string_view key) const {
  const auto* v = at(key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

double LooseReader::number(std::string_view key) const {
  const auto* v = at(key);
  return v != nullptr && v->is_number() ? v->to_number<double>() : 0.0;
}

std::int64_t LooseReader::integer(std::string_view key) const {
  const auto* v = at(key);
  if (v == nullptr || !v->is_number()) return 0;
  return v->is_int64() ? v->get_int64() : static_cast<std::int64_t>(v->to_number<double>());
}

bool LooseReader::flag(std::string_view key) const {
  const auto* v = at(key);
  return v != nullptr && v->is_bool() && v->get_bool();
}

const json::array& LooseReader::list(std::string_view key) const {
  static const json::array kNone;
  const auto* v = at(key);
  return v != nullptr && v->is_array() ? v->get_array() : kNone;
}

}  // namespace telecine
