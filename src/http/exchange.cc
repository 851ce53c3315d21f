#include "http/exchange.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace telecine::http {
namespace {

constexpr std::size_t kMaxTarget = 8 << 10;
/// An unwanted body up to this size is read past, so that the connection can be kept.
constexpr std::int64_t kMaxDrained = 64 << 10;
/// What is set aside at once for a body of announced length; the rest as it really comes.
constexpr std::int64_t kMaxReserved = 1 << 20;

bool is_fetch(Method method) {
  return method == Method::kGet || method == Method::kHead;
}

}  // namespace

void Exchange::reset() {
  request.method = Method::kOther;
  request.method_text.clear();
  request.target.clear();
  request.path.clear();
  request.query.clear();
  request.headers.clear();
  request.body.clear();
  request.content_length.reset();
  conditions.clear();
  framing = {};
  match_.route = nullptr;
  method_ = Method::kOther;
  target_.clear();
  path_begin_ = path_size_ = 0;
  refusal_ = {};
  early_.reset();
  sink_.reset();
  use_ = BodyUse::kDiscard;
  limit_ = received_ = 0;
}

std::string_view Exchange::route() const {
  return match_.route != nullptr ? std::string_view(match_.route->pattern) : std::string_view();
}

std::string_view Exchange::path() const {
  return std::string_view(target_).substr(path_begin_, path_size_);
}

void Exchange::locate() {
  method_ = request.method;
  target_ = request.target;
  split_target();
}

void Exchange::begin() {
  method_ = request.method;
  target_ = request.target;
  if (!split_target()) return refuse(400, "the request target is not a path");
  if (target_.size() > kMaxTarget) return refuse(414, "the target is longer than 8 KiB");
  refusal_ = check_framing();
  if (refusal_) return;
  try {
    choose_route();
  } catch (const std::exception& problem) {
    log_error("a request could not be routed", {{"path", path()}, {"what", problem.what()}});
    early_.reset();
    refuse(500, "the request could not be routed");
  }
}

Refusal Exchange::check_framing() const {
  if (framing.hosts > 1) return {400, "more than one Host"};
  if (framing.hosts == 0 && request.version >= 11) return {400, "HTTP/1.1 needs a Host"};
  if (framing.coding_given && request.version < 11) {
    return {400, "HTTP/1.0 knows no Transfer-Encoding"};
  }
  if (framing.unknown_coding) return {501, "the only transfer coding understood is chunked"};
  if (framing.unknown_expectation) return {417, "the only expectation met is 100-continue"};
  if (request.method == Method::kOther) return {501, "unknown method"};
  return {};
}

/// Accepts "/path?query", the absolute form "http://host/path" and "*".
bool Exchange::split_target() {
  const std::string_view target = target_;
  std::size_t begin = 0;
  if (!target.starts_with('/') && target != "*") {
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos) return false;
    begin = std::min(target.find_first_of("/?", scheme + 3), target.size());
  }
  const auto end = std::min({target.find('?', begin), target.find('#', begin), target.size()});
  path_begin_ = begin;
  path_size_ = end - begin;
  request.path = path_size_ > 0 ? path() : "/";
  if (end < target.size() && target[end] == '?') {
    const auto query = target.substr(end + 1);
    request.query = query.substr(0, query.find('#'));
  }
  return true;
}

void Exchange::choose_route() {
  if (router_.gate) early_ = router_.gate(request);
  if (early_) return;
  router_.match(request.method, request.path, match_);
  if (match_.malformed) return refuse(400, "a malformed escape in the path");
  if (match_.route != nullptr) return prepare_body(match_.route->options);
  if (match_.allowed == 0) {
    early_ = router_.not_found(request);
    return;
  }
  const auto allowed = Router::allow_text(match_.allowed);
  early_ = router_.method_not_allowed(request, allowed);
  early_->headers.set("Allow", allowed);
}

void Exchange::prepare_body(const RouteOptions& options) {
  limit_ = options.max_body > 0 ? options.max_body : router_.default_max_body;
  if (options.length_required && framing.chunked) {
    return refuse(411, "send the body with a Content-Length");
  }
  const auto length = request.content_length.value_or(0);
  if (length > limit_) {
    return refuse(413, "the body is larger than " + human_bytes(limit_));
  }
  if (options.stream) {
    auto sink = options.stream(request, match_.params);
    if (!sink) {
      early_ = std::move(sink.error());
      return;
    }
    sink_ = *std::move(sink);
    use_ = BodyUse::kSink;
  } else if (!is_fetch(request.method) || options.reads_fetch_body) {
    use_ = BodyUse::kCollect;
    request.body.reserve(static_cast<std::size_t>(std::min(length, kMaxReserved)));
  }
}

bool Exchange::reads_body() const {
  if (!has_body()) return false;
  if (!early_) return true;
  return !framing.expects_continue && request.content_length.value_or(0) <= kMaxDrained;
}

Exchange::Step Exchange::take_body(std::string_view piece) {
  received_ += static_cast<std::int64_t>(piece.size());
  if (early_) return received_ > kMaxDrained ? Step::kStop : Step::kMore;
  if (received_ > limit_) return refuse_body();
  if (use_ == BodyUse::kCollect) request.body += piece;
  if (use_ != BodyUse::kSink) return Step::kMore;
  try {
    const auto written = sink_->write(piece);
    if (written) return Step::kMore;
    log_warning("an upload could not be written",
                {{"path", path()}, {"error", written.error().message}});
    return Step::kStop;
  } catch (const std::exception& problem) {
    log_error("an upload's sink threw", {{"path", path()}, {"what", problem.what()}});
    abort_body({ErrorCode::kInternal, "the upload could not be written", {}});
    refuse(500, "the upload could not be written");
    return Step::kRefuse;
  }
}

Exchange::Step Exchange::refuse_body() {
  const auto detail = "the body is larger than " + human_bytes(limit_);
  abort_body({ErrorCode::kInputTooLarge, detail, {}});
  refuse(413, detail);
  return Step::kRefuse;
}

void Exchange::abort_body(Error error) {
  if (const auto sink = std::exchange(sink_, nullptr)) sink->abort(std::move(error));
}

void Exchange::run(Responder responder) {
  try {
    if (const auto sink = std::exchange(sink_, nullptr)) {
      sink->finish(std::move(responder));
    } else {
      match_.route->handler(request, std::move(match_.params), std::move(responder));
    }
  } catch (const std::exception& problem) {
    // The responder went down with the handler, which answers 500.
    log_error("a handler threw", {{"route", route()}, {"what", problem.what()}});
  }
}

}  // namespace telecine::http
