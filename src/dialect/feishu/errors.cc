#include "dialect/feishu/errors.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "base/crypto.h"
#include "base/id.h"
#include "base/text.h"

namespace telecine::feishu {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kInvalidToken =
    "Invalid access token for authorization. Please make a request with token attached.";

constexpr FaultRow kFaults[] = {
    {Fault::kMissingToken, 400, 99991661,
     "Missing access token for authorization. Please make a request with token attached."},
    {Fault::kBadTenantToken, 400, 99991663, kInvalidToken},
    {Fault::kBadUserToken, 400, 99991668, kInvalidToken},
    {Fault::kUserTokenExpired, 400, 99991677, "token expire"},
    {Fault::kBadAppToken, 400, 99991664, "invalid app token"},
    {Fault::kBadTokenKind, 400, 99991671, "Invalid token: must start with t-/u-"},
    {Fault::kNoAppScope, 400, 99991672,
     "Access denied. One of the following scopes is required: [*]"},
    {Fault::kNoUserScope, 400, 99991679,
     "Unauthorized. You do not have permission to perform the requested operation on the "
     "resource. One of the following privileges is required: [*]"},
    {Fault::kTooMany, 429, 99991400, "request trigger frequency limit"},
    {Fault::kBadBody, 400, 9499, "Bad Request"},
    {Fault::kBadParameter, 400, 121003, "param error"},
    {Fault::kNotSupported, 400, 121002, "not support"},
    {Fault::kNoPermission, 403, 121005, "no permission"},
    {Fault::kNotThere, 404, 121004, "data not exist"},
    {Fault::kInternal, 500, 121001, "internal error"},
};

void add_headers(http::Response& response, const std::string& log_id) {
  response.headers.set("X-Tt-Logid", log_id);
  response.headers.set("X-Request-Id", make_uuid());
}

http::Response make(int status, const json::object& body, const std::string& log_id) {
  auto response = http::Response::text(status, std::string(kJson), json::serialize(body));
  add_headers(response, log_id);
  return response;
}

}  // namespace

const FaultRow& row_of(Fault fault) {
  for (const FaultRow& row : kFaults) {
    if (row.fault == fault) return row;
  }
  return row_of(Fault::kInternal);
}

std::string make_log_id(const Api& api, Millis now) {
  using namespace std::chrono;
  const sys_seconds local{floor<seconds>(milliseconds(now)) +
                          minutes(api.options.utc_offset_minutes)};
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss time(local - day);
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), "%04d%02u%02u%02d%02d%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string id = text.data();
  for (const char c : hex(random_bytes(10))) {
    id += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return id;
}

http::Response failure(const Api& api, Fault fault, const Details& details) {
  const FaultRow& row = row_of(fault);
  const std::string log_id = make_log_id(api, now_ms());
  std::string message(row.message);
  if (const auto star = message.find("[*]"); star != std::string::npos) {
    message.replace(star, 3, "[" + join(details.scopes, ", ") + "]");
  }
  json::object error{{"log_id", log_id}};
  if (details.field) {
    json::object violation{{"field", printable(details.field->field, 200)},
                           {"description", printable(details.field->description, 500)}};
    error["field_violations"] = json::array{std::move(violation)};
  }
  if (!details.scopes.empty()) {
    json::array violations;
    for (const std::string& scope : details.scopes) {
      violations.emplace_back(json::object{{"type", details.scope_type}, {"subject", scope}});
    }
    error["permission_violations"] = std::move(violations);
  }
  const json::object body{{"code", row.code}, {"msg", message}, {"error", std::move(error)}};
  return make(row.status, body, log_id);
}

std::string success_text(json::object data) {
  const json::object body{{"code", 0}, {"msg", "success"}, {"data", std::move(data)}};
  return json::serialize(body);
}

http::Response success(const Api& api, json::object data) {
  return success(api, std::make_shared<const std::string>(success_text(std::move(data))));
}

http::Response success(const Api& api, std::shared_ptr<const std::string> text) {
  auto response = http::Response::cached(std::string(kJson), std::move(text));
  add_headers(api, response);
  return response;
}

http::Response document(const Api& api, int status, const json::object& body) {
  return make(status, body, make_log_id(api, now_ms()));
}

http::Response unknown_route(const Api& api) {
  auto response = http::Response::text(404, "text/plain", "404 page not found");
  add_headers(api, response);
  return response;
}

void add_headers(const Api& api, http::Response& response) {
  add_headers(response, make_log_id(api, now_ms()));
}

}  // namespace telecine::feishu
