#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "dialect/aliyun/errors.h"
#include "dialect/aliyun/signature.h"
#include "http/message.h"

namespace telecine::aliyun {

enum class Format : std::uint8_t { kXml, kJson };

/// A request taken apart, nothing about it believed yet.
struct Call {
  bool v3 = false;  ///< of the clients that sign by the Authorization header
  std::string method;
  std::string action;
  std::string version;
  Format format = Format::kXml;
  Pairs query{};       ///< of the URL alone, decoded; for V3 only, which signs it
  Pairs parameters{};  ///< of URL and body together, decoded; each name once

  /// "" when it is absent; an empty value counts as absent everywhere.
  std::string_view get(std::string_view name) const;
};

/// Whether a request for `/` speaks this protocol.
bool is_call(const http::Request& request);

/// The format that the answer to a request must have, whatever else is wrong with it.
Format format_of(const http::Request& request);

std::expected<Call, Refusal> read_call(const http::Request& request);

}  // namespace telecine::aliyun
