#include "dialect/aliyun/answers.h"

#include <algorithm>
#include <pugixml.hpp>
#include <random>
#include <sstream>

#include "base/crypto.h"
#include "base/text.h"

namespace telecine::aliyun {
namespace {

constexpr auto kDeclaration = "<?xml version='1.0' encoding='UTF-8'?>";
constexpr auto kXmlType = "text/xml;charset=utf-8";
constexpr auto kJsonType = "application/json;charset=utf-8";

/// XML 1.0 holds tab, line feed, carriage return and what begins at the space, but not U+FFFE and
/// U+FFFF. The text is UTF-8, or becomes it.
std::string fit_for_xml(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  const bool valid = is_valid_utf8(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    const std::string_view three = text.substr(i, 3);
    if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      out += kReplacement;
      i += 2;
    } else if (control || (!valid && byte >= 0x80)) {
      out += kReplacement;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string text_of(const json::value& value) {
  return fit_for_xml(value.is_string() ? std::string(value.get_string()) : json::serialize(value));
}

void add(pugi::xml_node& parent, const std::string& name, const json::value& value) {
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) add(parent, name, item);
    return;
  }
  pugi::xml_node node = parent.append_child(name.c_str());
  if (const auto* object = value.if_object()) {
    for (const auto& item : *object) add(node, std::string(item.key()), item.value());
  } else {
    node.append_child(pugi::node_pcdata).set_value(text_of(value).c_str());
  }
}

std::string saved(const pugi::xml_document& document) {
  std::ostringstream out;
  out << kDeclaration;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  return out.str();
}

http::Response response(int status, Format format, std::string body,
                        const std::string& request_id) {
  auto made =
      http::Response::text(status, format == Format::kJson ? kJsonType : kXmlType, std::move(body));
  made.headers.set("x-acs-request-id", request_id);
  add_cors(made);
  return made;
}

}  // namespace

std::string make_request_id() {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  // It has to be unique, not hard to guess: these numbers cost a tenth of OpenSSL's.
  thread_local std::mt19937_64 numbers(random_u64());
  std::string id = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  std::uint64_t bits = numbers();
  for (char& c : id) {
    if (c == 'y') bits = (numbers() & ~4ULL) | 8;  // 8, 9, A or B
    if (c != 'x' && c != 'y') continue;
    c = kHex[bits & 15];
    bits >>= 4;
  }
  return id;
}

std::string xml_document(std::string_view root, const json::object& fields) {
  pugi::xml_document document;
  pugi::xml_node node = document.append_child(std::string(root).c_str());
  for (const auto& item : fields) add(node, std::string(item.key()), item.value());
  return saved(document);
}

std::string answer_text(std::string_view action, const json::object& fields, Format format) {
  return format == Format::kJson ? json::serialize(fields)
                                 : xml_document(std::string(action) + "Response", fields);
}

http::Response answer(std::string text, Format format, const std::string& request_id) {
  return response(200, format, std::move(text), request_id);
}

std::string error_document(const Refusal& refusal, Format format, const std::string& request_id,
                           std::string_view host, const std::string& recommend) {
  json::object fields{{"RequestId", request_id},
                      {"HostId", printable(host, 300)},
                      {"Code", name_of(refusal)},
                      {"Message", message_of(refusal)}};
  if (format == Format::kJson) {
    fields["Recommend"] = recommend;
    return json::serialize(fields);
  }
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("Error");
  for (const auto& item : fields) add(root, std::string(item.key()), item.value());
  root.append_child("Recommend")
      .append_child(pugi::node_cdata)
      .set_value(fit_for_xml(recommend).c_str());
  return saved(document);
}

http::Response refusal_answer(const Refusal& refusal, Format format, std::string_view host,
                              const std::string& recommend) {
  const std::string id = make_request_id();
  return response(row_of(refusal.code).status, format,
                  error_document(refusal, format, id, host, recommend), id);
}

void add_cors(http::Response& response) {
  response.headers.set("Access-Control-Allow-Origin", "*");
  response.headers.set("Access-Control-Expose-Headers", "*");
}

http::Response preflight() {
  http::Response made;
  add_cors(made);
  made.headers.set("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
  // Without those from Authorization on, a browser cannot send the third signature.
  made.headers.set("Access-Control-Allow-Headers",
                   "X-Requested-With, X-Sequence, _aop_secret, _aop_signature, x-acs-action, "
                   "x-acs-version, x-acs-date, Content-Type, Authorization, Accept, "
                   "x-acs-signature-nonce, x-acs-content-sha256, x-acs-security-token, "
                   "x-acs-credentials-provider");
  made.headers.set("Access-Control-Max-Age", "172800");
  return made;
}

}  // namespace telecine::aliyun
