#include "dialect/native/openapi.h"

#include "base/embed.h"

TELECINE_EMBED(openapi_json, TELECINE_SOURCE_DIR "/src/dialect/native/openapi.json")

namespace telecine::native {

std::string_view openapi_document() {
  return openapi_json();
}

}  // namespace telecine::native
