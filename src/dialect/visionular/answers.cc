#include "dialect/visionular/answers.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

namespace telecine::visionular {
namespace {

constexpr std::array kTexts = {
    std::pair{Code::kSuccess, "success"},          std::pair{Code::kInternal, "internal error"},
    std::pair{Code::kLack, "lack param"},          std::pair{Code::kBad, "bad param"},
    std::pair{Code::kAuth, "auth fail"},           std::pair{Code::kEmpty, "empty result"},
    std::pair{Code::kOperation, "operation fail"}, std::pair{Code::kDuplicate, "duplicated entity"},
};

constexpr std::array kErrors = {
    std::pair{ErrorCode::kInvalidParameter, Code::kBad},
    std::pair{ErrorCode::kInputForbidden, Code::kBad},
    std::pair{ErrorCode::kUnsupported, Code::kBad},
    std::pair{ErrorCode::kNotFound, Code::kEmpty},
    std::pair{ErrorCode::kConflict, Code::kOperation},
    std::pair{ErrorCode::kTooMany, Code::kOperation},
    std::pair{ErrorCode::kResourceLimit, Code::kOperation},
    std::pair{ErrorCode::kUnavailable, Code::kOperation},
    std::pair{ErrorCode::kUnauthorized, Code::kAuth},
    std::pair{ErrorCode::kForbidden, Code::kAuth},
};

std::string_view text_of(Code code) {
  for (const auto& [known, text] : kTexts) {
    if (known == code) return text;
  }
  return "";
}

http::Response envelope(Generation generation, int status, Code code, const std::string& data) {
  std::string body = R"({"code":)" + std::to_string(static_cast<int>(code)) + R"(,"data":)" + data;
  body.append(R"(,"msg":")").append(text_of(code)).append("\"");
  if (generation == Generation::kBasic) body += R"(,"request_id":")" + make_uuid() + "\"";
  return answer_of(body + "}", status);
}

http::Response envelope(Generation generation, int status, Code code, const json::value& data) {
  return envelope(generation, status, code, render(data));
}

void render_number(double number, std::string& out) {
  if (!std::isfinite(number)) number = 0;
  std::array<char, 352> text{};
  std::snprintf(text.data(), text.size(), "%.3f", number);
  std::string_view shown = text.data();
  while (shown.ends_with('0')) shown.remove_suffix(1);
  if (shown.ends_with('.')) shown.remove_suffix(1);
  out += shown == "-0" ? "0" : shown;
}

void render_to(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    char between = '{';
    for (const auto& item : *object) {
      out += between;
      out += json::serialize(json::string(item.key()));
      out += ':';
      render_to(item.value(), out);
      between = ',';
    }
    out += object->empty() ? "{}" : "}";
  } else if (const auto* array = value.if_array()) {
    char between = '[';
    for (const auto& item : *array) {
      out += between;
      render_to(item, out);
      between = ',';
    }
    out += array->empty() ? "[]" : "]";
  } else if (value.is_double()) {
    render_number(value.get_double(), out);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

Refusal refusal_of(const Error& error) {
  Refusal refusal{Code::kInternal,
                  error.field.empty() ? error.message : error.field + " " + error.message};
  for (const auto& [known, code] : kErrors) {
    if (known == error.code) refusal.code = code;
  }
  return refusal;
}

http::Response answer_of(std::string body, int status) {
  return http::Response::text(status, "application/json; charset=utf-8", std::move(body));
}

http::Response success(Generation generation, const json::value& data) {
  return envelope(generation, 200, Code::kSuccess, data);
}

http::Response success(Generation generation, const std::string& data) {
  return envelope(generation, 200, Code::kSuccess, data);
}

http::Response failure(Generation generation, const Refusal& refusal, int status) {
  auto response = envelope(generation, status, refusal.code, std::string("null"));
  std::string detail = printable(refusal.detail, 500);
  for (char& c : detail) {
    if (static_cast<unsigned char>(c) > 0x7e || c < ' ') c = '?';
  }
  if (!detail.empty()) response.headers.set("X-Error-Detail", detail);
  log_info("call refused", {{"code", static_cast<int>(refusal.code)}, {"detail", detail}});
  return response;
}

http::Response failure(Generation generation, const Refusal& refusal) {
  int status = 200;
  if (refusal.code == Code::kInternal) status = 500;
  if (refusal.code == Code::kAuth && generation == Generation::kBasic) status = 401;
  return failure(generation, refusal, status);
}

std::string render(const json::value& value) {
  std::string out;
  render_to(value, out);
  return out;
}

}  // namespace telecine::visionular
