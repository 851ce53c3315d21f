#include "http/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <stdexcept>

#include "base/text.h"

namespace telecine::http {
namespace {

constexpr std::size_t kMaxSegments = 64;

constexpr std::uint32_t bit(Method method) {
  return 1u << static_cast<unsigned>(method);
}

/// One segment of a pattern: "{name...}suffix" with everything but the name optional.
struct Segment {
  std::string prefix;
  std::string name;
  std::string suffix;
  bool parameter = false;
  bool rest = false;
};

Segment parse_segment(std::string_view text) {
  Segment out;
  const auto open = text.find('{');
  const auto close = text.find('}', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) {
    out.prefix = text;
    return out;
  }
  out.parameter = true;
  out.prefix = text.substr(0, open);
  out.suffix = text.substr(close + 1);
  auto name = text.substr(open + 1, close - open - 1);
  if (name.ends_with("...")) {
    out.rest = true;
    name.remove_suffix(3);
  }
  out.name = name;
  return out;
}

/// The request's path cut at its slashes. Decoded texts are stored only when there are escapes.
class Path {
 public:
  explicit Path(std::string_view path) : raw_(path) {
    escaped_ = path.find('%') != std::string_view::npos;
    std::size_t begin = 1;
    for (;;) {
      const auto end = std::min(path.find('/', begin), path.size());
      if (count_ == kMaxSegments) {
        truncated_ = true;
        return;
      }
      offsets_[count_++] = static_cast<std::uint32_t>(begin);
      if (escaped_) keep_decoded(path.substr(begin, end - begin));
      if (end == path.size()) return;
      begin = end + 1;
    }
  }

  bool malformed() const { return malformed_; }
  bool truncated() const { return truncated_; }
  std::size_t size() const { return count_; }
  std::string_view operator[](std::size_t i) const {
    if (escaped_) return decoded_[i];
    const auto end =
        i + 1 < count_ ? offsets_[i + 1] - 1 : std::min(raw_.find('/', offsets_[i]), raw_.size());
    return raw_.substr(offsets_[i], end - offsets_[i]);
  }
  /// Everything from segment `i` on, as sent.
  std::string_view from(std::size_t i) const { return raw_.substr(offsets_[i]); }

 private:
  void keep_decoded(std::string_view segment) {
    auto text = percent_decode(segment);
    malformed_ |= !text || text->find('\0') != std::string::npos;
    decoded_.push_back(text ? *std::move(text) : std::string());
  }

  std::string_view raw_;
  std::array<std::uint32_t, kMaxSegments> offsets_;
  std::vector<std::string> decoded_;
  std::size_t count_ = 0;
  bool escaped_ = false;
  bool malformed_ = false;
  bool truncated_ = false;
};

/// What lies between prefix and suffix; nothing when they do not fit.
std::optional<std::string_view> between(std::string_view text, const Segment& segment) {
  if (text.size() < segment.prefix.size() + segment.suffix.size()) return std::nullopt;
  if (!text.starts_with(segment.prefix) || !text.ends_with(segment.suffix)) return std::nullopt;
  text.remove_prefix(segment.prefix.size());
  text.remove_suffix(segment.suffix.size());
  return text;
}

}  // namespace

std::string_view Params::operator[](std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return "";
}

struct Router::Node {
  struct Branch {
    Segment segment;
    std::unique_ptr<Node> node;
  };

  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::vector<Branch> parameters;  ///< most literal text first, rests last
  std::vector<std::unique_ptr<Route>> routes;

  Node& child(const Segment& segment);
  const Route* route_for(Method method) const;
};

Router::Node& Router::Node::child(const Segment& segment) {
  if (!segment.parameter) {
    auto& node = literals[segment.prefix];
    if (!node) node = std::make_unique<Node>();
    return *node;
  }
  const auto rank = [](const Segment& s) {
    return std::pair(s.rest, -static_cast<std::int64_t>(s.prefix.size() + s.suffix.size()));
  };
  auto at = parameters.begin();
  for (; at != parameters.end() && rank(at->segment) <= rank(segment); ++at) {
    if (at->segment.rest == segment.rest && at->segment.prefix == segment.prefix &&
        at->segment.suffix == segment.suffix) {
      return *at->node;
    }
  }
  return *parameters.insert(at, {segment, std::make_unique<Node>()})->node;
}

const Router::Route* Router::Node::route_for(Method method) const {
  const Route* fallback = nullptr;
  for (const auto& route : routes) {
    if (route->method == method) return route.get();
    if (method == Method::kHead && route->method == Method::kGet) fallback = route.get();
  }
  return fallback;
}

namespace {

/// The walk of one path down the tree, with backtracking.
template <typename Node>
class Walk {
 public:
  Walk(const Path& path, Method method) : path_(path), method_(method) {}

  const Router::Route* find(const Node& node, std::size_t depth) {
    if (depth == path_.size()) return path_.truncated() ? nullptr : arrive(node);
    const auto text = path_[depth];
    if (const auto literal = node.literals.find(text); literal != node.literals.end()) {
      if (const auto* route = find(*literal->second, depth + 1)) return route;
    }
    for (const auto& branch : node.parameters) {
      const bool rest = branch.segment.rest;
      const auto value = between(rest ? path_.from(depth) : text, branch.segment);
      if (!value || (value->empty() && !rest)) continue;
      values_.push_back({*value, rest});
      if (const auto* route = rest ? arrive(*branch.node) : find(*branch.node, depth + 1)) {
        return route;
      }
      values_.pop_back();
    }
    return nullptr;
  }

  std::uint32_t allowed() const { return allowed_; }
  /// Fills the parameters of the route found. False on a malformed escape.
  bool fill(const Router::Route& route, Params& out) const {
    for (std::size_t i = 0; i < values_.size() && i < route.names.size(); ++i) {
      const auto& [text, raw] = values_[i];
      if (!raw) {
        out.add(route.names[i], std::string(text));
        continue;
      }
      auto decoded = percent_decode(text);
      if (!decoded || decoded->find('\0') != std::string::npos) return false;
      out.add(route.names[i], *std::move(decoded));
    }
    return true;
  }

 private:
  struct Value {
    std::string_view text;
    bool raw;
  };

  const Router::Route* arrive(const Node& node) {
    for (const auto& route : node.routes) {
      allowed_ |= bit(route->method);
      if (route->method == Method::kGet) allowed_ |= bit(Method::kHead);
    }
    return node.route_for(method_);
  }

  const Path& path_;
  Method method_;
  std::vector<Value> values_;
  std::uint32_t allowed_ = 0;
};

}  // namespace

Router::Router()
    : not_found([](const Request&) {
        return Response::text(404, "text/plain", std::string(reason_phrase(404)));
      }),
      method_not_allowed([](const Request&, std::string_view) {
        return Response::text(405, "text/plain", std::string(reason_phrase(405)));
      }),
      bad_request([](int status, std::string_view, std::string_view detail) {
        return Response::text(status, "text/plain",
                              std::string(reason_phrase(status)) + ": " + std::string(detail));
      }),
      root_(std::make_unique<Node>()) {}

Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(Method method, std::string_view pattern, Handler handler, RouteOptions options) {
  auto route = std::make_unique<Route>(
      Route{method, std::string(pattern), {}, std::move(handler), std::move(options)});
  if (!pattern.starts_with('/')) throw std::logic_error("not a path: " + route->pattern);
  auto* node = root_.get();
  for (const auto text : split(pattern.substr(1), '/')) {
    const auto segment = parse_segment(text);
    if (segment.parameter) route->names.push_back(segment.name);
    node = &node->child(segment);
  }
  if (std::ranges::any_of(node->routes,
                          [&](const auto& other) { return other->method == method; })) {
    throw std::logic_error("added twice: " + route->pattern);
  }
  node->routes.push_back(std::move(route));
}

void Router::add_upload(Method method, std::string_view pattern, std::int64_t max_body,
                        OpenSink open) {
  RouteOptions options;
  options.max_body = max_body;
  options.stream = std::move(open);
  add(method, pattern, nullptr, std::move(options));
}

void Router::match(Method method, std::string_view raw, Match& out) const {
  out.route = nullptr;
  out.params.clear();
  out.allowed = 0;
  out.malformed = false;
  if (!raw.starts_with('/')) return;
  const Path path(raw);
  out.malformed = path.malformed();
  if (out.malformed) return;
  Walk<Node> walk(path, method);
  out.route = walk.find(*root_, 0);
  out.allowed = walk.allowed();
  if (out.route != nullptr) out.malformed = !walk.fill(*out.route, out.params);
}

std::string Router::allow_text(std::uint32_t allowed) {
  std::string out;
  for (const auto method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                            Method::kPatch, Method::kDelete, Method::kOptions}) {
    if ((allowed & bit(method)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += name_of(method);
  }
  return out;
}

}  // namespace telecine::http
