#pragma once

#include <string_view>

namespace telecine::object {

/// The media type an object is stored and served with, by the extension of its name;
/// "application/octet-stream" for one that is not known.
std::string_view media_type_of(std::string_view name);

}  // namespace telecine::object
