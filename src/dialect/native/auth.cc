#include "dialect/native/auth.h"

#include <algorithm>

#include "dialect/native/errors.h"

namespace telecine::native {
namespace {

void add_rate_headers(const RateState& rate, http::Response& response) {
  if (rate.limit <= 0) return;
  response.headers.set("RateLimit-Limit", std::to_string(rate.limit));
  response.headers.set("RateLimit-Remaining", std::to_string(rate.remaining));
  response.headers.set("RateLimit-Reset", std::to_string(rate.reset_s));
  if (!rate.allowed) response.headers.set("Retry-After", std::to_string(rate.retry_s));
}

std::string_view bearer_token(const http::Request& request) {
  std::string_view value = request.headers.get("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() < kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = value[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != kScheme[i]) return {};
  }
  return value.substr(kScheme.size());
}

http::Responder with_rate(const RateState& rate, http::Responder responder) {
  if (rate.limit <= 0) return responder;
  return http::Responder([responder = std::move(responder), rate](http::Response response) {
    add_rate_headers(rate, response);
    responder(std::move(response));
  });
}

/// A sink whose answer carries the headers.
class RatedSink final : public http::BodySink {
 public:
  RatedSink(std::unique_ptr<http::BodySink> sink, const RateState& rate)
      : sink_(std::move(sink)), rate_(rate) {}

  Status write(std::string_view piece) override { return sink_->write(piece); }
  void finish(http::Responder responder) override {
    sink_->finish(with_rate(rate_, std::move(responder)));
  }
  void abort(Error error) override { sink_->abort(std::move(error)); }

 private:
  std::unique_ptr<http::BodySink> sink_;
  RateState rate_;
};

/// The refusal is a complete answer.
std::expected<Caller, http::Response> admit(Api& api, const http::Request& request, Scope scope,
                                            RateState& rate) {
  if (auto developer = api.service.developer()) return *std::move(developer);
  auto key = api.service.keys().by_token(bearer_token(request));
  if (!key) return std::unexpected(problem(key.error()));
  if (!(*key)->may(scope)) {
    return std::unexpected(
        problem(403, ErrorCode::kForbidden,
                "this key lacks the scope \"" + std::string(name_of(scope)) + "\""));
  }
  Caller caller{std::move(*key)};
  rate = api.service.take_call(caller);
  if (!rate.allowed) {
    auto refusal =
        problem(429, ErrorCode::kTooMany,
                "this key may make " + std::to_string(rate.limit) +
                    " calls a minute; try again in " + std::to_string(rate.retry_s) + " s");
    add_rate_headers(rate, refusal);
    return std::unexpected(std::move(refusal));
  }
  return caller;
}

}  // namespace

http::Handler guarded(Api& api, Scope scope, CallHandler handler) {
  return [&api, scope, handler = std::move(handler)](http::Request& request, http::Params params,
                                                     http::Responder responder) {
    RateState rate;
    auto caller = admit(api, request, scope, rate);
    if (!caller) return responder(std::move(caller.error()));
    Call call{request, std::move(params), std::move(*caller),
              with_rate(rate, std::move(responder))};
    handler(call);
  };
}

http::OpenSink guarded_upload(Api& api, OpenUpload open) {
  return [&api, open = std::move(open)](http::Request& request, const http::Params& params)
             -> std::expected<std::unique_ptr<http::BodySink>, http::Response> {
    RateState rate;
    auto caller = admit(api, request, Scope::kWrite, rate);
    if (!caller) return std::unexpected(std::move(caller.error()));
    auto sink = open(*caller, request, params);
    if (sink) return std::make_unique<RatedSink>(*std::move(sink), rate);
    add_rate_headers(rate, sink.error());
    return sink;
  };
}

std::string base_url(const Api& api, const http::Request& request) {
  if (!api.public_url.empty()) return api.public_url;
  std::string_view scheme = request.tls ? "https" : "http";
  std::string_view host = request.headers.get("host");
  if (!api.trusted_proxies.empty()) {
    const auto peer = object::IpAddress::parse(request.peer);
    const auto holds = [&](const object::IpRange& range) { return peer && range.contains(*peer); };
    if (std::ranges::any_of(api.trusted_proxies, holds)) {
      if (const auto said = request.headers.find("x-forwarded-proto")) {
        scheme = *said == "https" ? "https" : "http";
      }
      host = request.headers.find("x-forwarded-host").value_or(host);
    }
  }
  return std::string(scheme) + "://" + (host.empty() ? request.local : std::string(host));
}

}  // namespace telecine::native
