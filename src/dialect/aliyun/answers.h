#pragma once

#include <string>

#include "base/json.h"
#include "dialect/aliyun/call.h"

namespace telecine::aliyun {

/// "75D919F1-FEB6-40A4-9676-5EA4EBD3A010".
std::string make_request_id();

/// An XML document: members become elements, lists the element repeated. Characters that XML cannot
/// hold become U+FFFD.
std::string xml_document(std::string_view root, const json::object& fields);

/// The text of a successful answer, and the answer: `request_id` is the one in `fields`.
std::string answer_text(std::string_view action, const json::object& fields, Format format);
http::Response answer(std::string text, Format format, const std::string& request_id);

/// `host` is that of the request, `recommend` a URL about the code.
std::string error_document(const Refusal& refusal, Format format, const std::string& request_id,
                           std::string_view host, const std::string& recommend);
http::Response refusal_answer(const Refusal& refusal, Format format, std::string_view host,
                              const std::string& recommend);

/// What every answer carries for browsers.
void add_cors(http::Response& response);
/// To a browser that asks what it may send.
http::Response preflight();

}  // namespace telecine::aliyun
