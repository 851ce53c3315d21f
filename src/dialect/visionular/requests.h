#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "dialect/visionular/answers.h"
#include "http/message.h"

namespace telecine::visionular {

/// The parameters of a call: those of the query and, before them, those of a JSON body.
class Parameters {
 public:
  /// kBad for a body that is no JSON object.
  static Answer<Parameters> of(const http::Request& request);

  /// kLack when one of them is absent. Asked before any is judged.
  Answer<void> need(std::initializer_list<std::string_view> names) const;
  /// Whether it is there, be it empty.
  bool given(std::string_view name) const;

  /// Absent for null and the empty text. kBad for another type.
  Answer<std::optional<std::string>> text(std::string_view name) const;
  /// A text of digits is a number.
  Answer<std::optional<std::int64_t>> integer(std::string_view name) const;
  Answer<std::optional<double>> number(std::string_view name) const;
  /// Of any type: a text as it is, anything else as JSON; empty when absent.
  std::string verbatim(std::string_view name) const;
  /// kLack when it is absent.
  Answer<std::string> required(std::string_view name) const;
  Answer<std::int64_t> required_integer(std::string_view name) const;

 private:
  const json::value* lookup(std::string_view name) const;
  const json::value* find(std::string_view name) const;

  json::object values_;
};

}  // namespace telecine::visionular
