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
  std::string text;
  for (const pugi::xml_node& part : element.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) text += part.value();
  }
  node.text = trim(text);
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
  const auto count = [&](pugi::xml_node_type type) {
    return std::ranges::count(document.children(), type, &pugi::xml_node::type);
  };
  if (!parsed || count(pugi::node_doctype) > 0 || count(pugi::node_element) != 1) return refused;
  return node_of(document.document_element(), 0);
}

}  // namespace telecine::object
