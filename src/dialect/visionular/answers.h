#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "http/message.h"

namespace telecine::visionular {

enum class Generation : std::uint8_t { kSigned, kBasic };

/// The codes of the API's envelope; those of tasks are another name space.
enum class Code : int {
  kSuccess = 0,
  kInternal = 1000,
  kLack = 1001,
  kBad = 1002,
  kAuth = 1003,
  kEmpty = 1004,
  kOperation = 1005,
  kDuplicate = 1006,
};

/// Why a call was not carried out. `detail` goes into a header and the log, never into the body.
struct Refusal {
  Code code = Code::kBad;
  std::string detail;
};
template <typename T>
using Answer = std::expected<T, Refusal>;
inline std::unexpected<Refusal> refuse(Code code, std::string detail) {
  return std::unexpected(Refusal{code, std::move(detail)});
}
/// What the engine says, in this API's codes.
Refusal refusal_of(const Error& error);

/// A whole envelope as an answer.
http::Response answer_of(std::string body, int status = 200);
http::Response success(Generation generation, const json::value& data);
/// The same of rendered data.
http::Response success(Generation generation, const std::string& data);
http::Response failure(Generation generation, const Refusal& refusal, int status);
/// With the status that the code has in this generation.
http::Response failure(Generation generation, const Refusal& refusal);

/// JSON in which numbers have at most three decimals and never an exponent.
std::string render(const json::value& value);

}  // namespace telecine::visionular
