#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/message.h"

namespace telecine::tencent {

/// The parameters of a call by name. "_" and "." in names are the same separator; the last one of
/// a name counts. An empty value counts as absent.
class Arguments {
 public:
  explicit Arguments(const http::Pairs& parameters);

  std::string text(std::string_view name) const;  ///< "" when absent
  bool has(std::string_view name) const { return !text(name).empty(); }
  /// Whether there is anything of that name or below it ("imageSprite" for
  /// "imageSprite.definition").
  bool has_part(std::string_view name) const;
  /// Errors are kInvalidParameter with the name as field. Absent: nothing.
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least,
                                              std::int64_t most) const;
  Result<std::optional<double>> number(std::string_view name) const;
  /// "name.0", "name.3"… in the order of their subscripts, gaps ignored.
  std::vector<std::string> list(std::string_view name) const;
  Result<std::vector<std::int64_t>> integers(std::string_view name, std::int64_t least,
                                             std::int64_t most) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// The parameters of a request: of the query for GET, of the body (a form, or multipart) for POST.
Result<http::Pairs> parameters_of(const http::Request& request);

}  // namespace telecine::tencent
