#include "object/xml.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr int kMostDepth = 16;

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
    {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};

void append_utf8(std::string& out, std::uint32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool document(XmlNode& root) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    return skip_misc() && element(root, 0) && skip_misc() && rest_.empty();
  }

 private:
  /// Past `end`; false when it never comes.
  bool skip_past(std::string_view end) {
    const auto at = rest_.find(end);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }

  /// Blanks, comments and processing instructions around the root.
  bool skip_misc() {
    for (;;) {
      rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
      if (rest_.starts_with("<?")) {
        if (!skip_past("?>")) return false;
      } else if (rest_.starts_with("<!--")) {
        if (!skip_past("-->")) return false;
      } else {
        return true;
      }
    }
  }

  bool element(XmlNode& node, int depth) {
    if (depth > kMostDepth || !rest_.starts_with('<')) return false;
    const auto end = tag_end();
    if (!end) return false;
    std::string_view tag = rest_.substr(1, *end - 1);
    rest_.remove_prefix(*end + 1);
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (name.empty() || name.front() == '!' || name.front() == '/') return false;
    node.name = name.substr(name.find(':') + 1);
    return empty || content(node, name, depth);
  }

  /// Where the tag's '>' is: not one inside an attribute's quotes.
  std::optional<std::size_t> tag_end() const {
    char quote = 0;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        return i;
      }
    }
    return std::nullopt;
  }

  bool content(XmlNode& node, std::string_view name, int depth) {
    while (!rest_.empty()) {
      if (rest_.starts_with("</")) {
        const auto close = rest_.find('>');
        if (close == std::string_view::npos || trim(rest_.substr(2, close - 2)) != name) {
          return false;
        }
        rest_.remove_prefix(close + 1);
        node.text = trim(node.text);
        return true;
      }
      if (rest_.starts_with("<!--") || rest_.starts_with("<?")) {
        if (!skip_past(rest_[1] == '?' ? "?>" : "-->")) return false;
      } else if (rest_.starts_with("<![CDATA[")) {
        rest_.remove_prefix(9);
        const auto end = rest_.find("]]>");
        if (end == std::string_view::npos) return false;
        node.text += rest_.substr(0, end);
        rest_.remove_prefix(end + 3);
      } else if (rest_.front() == '<') {
        if (!element(node.children.emplace_back(), depth + 1)) return false;
      } else if (!text(node.text)) {
        return false;
      }
    }
    return false;
  }

  bool text(std::string& out) {
    while (!rest_.empty() && rest_.front() != '<') {
      if (rest_.front() == '&') {
        if (!entity(out)) return false;
        continue;
      }
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return true;
  }

  bool entity(std::string& out) {
    constexpr std::size_t kLongest = 10;
    const auto end = rest_.substr(0, kLongest + 2).find(';');
    if (end == std::string_view::npos) return false;
    std::string_view name = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    for (const auto& [known, character] : kEntities) {
      if (name != known) continue;
      out += character;
      return true;
    }
    if (!name.starts_with('#')) return false;
    name.remove_prefix(1);
    const int base = name.starts_with('x') ? 16 : 10;
    if (base == 16) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), code, base);
    const bool valid = error == std::errc() && stop == name.data() + name.size() && code > 0 &&
                       code < 0x110000 && (code < 0xd800 || code > 0xdfff);
    if (valid) append_utf8(out, code);
    return valid;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view XmlNode::text_of(std::string_view child) const {
  for (const XmlNode& node : children) {
    if (node.name == child) return node.text;
  }
  return {};
}

Result<XmlNode> parse_xml(std::string_view text) {
  XmlNode root;
  if (text.size() > kMostBytes || !Parser(text).document(root)) {
    return fail(ErrorCode::kInvalidParameter, "this is not the XML of an object store");
  }
  return root;
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    bool escaped = false;
    for (const auto& [name, character] : kEntities) {
      if (c != character) continue;
      out += '&';
      out += name;
      out += ';';
      escaped = true;
    }
    if (!escaped) out += c;
  }
  return out;
}

}  // namespace telecine::object
