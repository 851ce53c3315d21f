#pragma once

#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace telecine::http {

/// The fields of a multipart/form-data body (RFC 7578) in order: each part's name and its bytes.
/// Lenient where clients differ: line breaks before the first boundary and between a boundary and
/// what follows, parts without a type of their own, a missing last boundary's line break.
/// kInvalidParameter for another type, no boundary, a part without a name, or a body cut short.
Result<Pairs> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace telecine::http
