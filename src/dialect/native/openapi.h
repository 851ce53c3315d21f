#pragma once

#include <string_view>

namespace telecine::native {

/// The OpenAPI 3.1 description of the native API, as served at /openapi.json.
std::string_view openapi_document();

}  // namespace telecine::native
