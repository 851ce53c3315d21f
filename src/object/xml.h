#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace telecine::object {

/// An element of an object store's answer. Attributes and namespaces do not count there.
struct XmlNode {
  std::string name;  ///< without a prefix
  std::string text;  ///< of the element itself, trimmed
  std::vector<XmlNode> children;

  /// The text of the first child of that name, or empty.
  std::string_view text_of(std::string_view child) const;
};

/// The root element of at most 1 MiB, 32 elements deep. Expands the five entities and character
/// references and nothing else: a document type declaration is refused. kInvalidParameter.
Result<XmlNode> parse_xml(std::string_view text);

}  // namespace telecine::object
