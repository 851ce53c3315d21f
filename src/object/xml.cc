#include "object/xml.h"

#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "base/text.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr int kMostDepth = 32;

XmlNode node_of(const pugi::xml_node& element, int depth) {
  XmlNode node;
  const char* colon = std::strchr(element.name(), ':');
  node.name = colon == nullptr ? element.name() : colon + 1;
  node.text = trim(element.text().get());
  if (depth == kMostDepth) return node;
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() == pugi::node_element) node.children.push_back(node_of(child, depth + 1));
  }
  return node;
}

}  // namespace

std::string_view XmlNode::text_of(std::string_view child) const {
  for (const XmlNode& node : children) {
    if (node.name == child) return node.text;
  }
  return {};
}

Result<XmlNode> parse_xml(std::string_view text) {
  const auto refused = fail(ErrorCode::kInvalidParameter, "this is not the XML of an object store");
  if (text.size() > kMostBytes) return refused;
  pugi::xml_document document;
  const auto parsed = document.load_buffer(
      text.data(), text.size(), pugi::parse_default | pugi::parse_doctype, pugi::encoding_utf8);
  const bool has_type = std::ranges::any_of(document.children(), [](const pugi::xml_node& node) {
    return node.type() == pugi::node_doctype;
  });
  if (!parsed || has_type || !document.document_element()) return refused;
  return node_of(document.document_element(), 0);
}

}  // namespace telecine::object
