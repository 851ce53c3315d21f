#pragma once

#include <string_view>

namespace telecine::object {

/// The media type an object is stored and served with, by the extension of its name;
/// "application/octet-stream" for one that is not known.
std::string_view media_type_of(std::string_view name);

/// The media type of a still picture by its first bytes (12 are enough): JPEG, PNG, WebP or GIF;
/// empty for anything else.
std::string_view picture_type_of(std::string_view head);

}  // namespace telecine::object
