#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "http/responder.h"

namespace telecine::http {

/// The decoded path parameters of one request, in the order of the pattern.
class Params {
 public:
  /// "" for a name the pattern does not have.
  std::string_view operator[](std::string_view name) const;
  void add(std::string_view name, std::string value) {
    values_.emplace_back(name, std::move(value));
  }
  void clear() { values_.clear(); }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// Runs on an I/O thread and must not block. The request is the handler's to take apart, during
/// the call only.
using Handler = std::function<void(Request&, Params, Responder)>;
/// Called when the header of an upload is there and before its body is read (the client may still
/// be waiting for "100 Continue"): opens what takes the body, or answers at once.
using OpenSink =
    std::function<std::expected<std::unique_ptr<BodySink>, Response>(Request&, const Params&)>;

struct RouteOptions {
  std::int64_t max_body = 0;      ///< bytes; more is a 413. 0: the router's default_max_body
  bool length_required = false;   ///< chunked bodies are refused with 411
  bool reads_fetch_body = false;  ///< a body of GET and HEAD is collected too
  OpenSink stream;                ///< in place of the handler: the body goes to a sink
};

/// What was served, for metrics and access logs. The views are valid during the call only.
struct Served {
  std::string_view route;  ///< the pattern; "" when no route took the request
  Method method = Method::kOther;
  int status = 0;
  std::int64_t micros = 0;  ///< from the complete header to the last byte handed to the system
  std::int64_t bytes = 0;   ///< sent, header included
  std::string_view target;  ///< as sent, query included
  std::string_view peer;
};

/// Which handler answers which method and path. Filled before the server starts, read-only
/// afterwards.
///
/// A pattern is made of segments: a literal ("tasks"), a parameter ("{id}"), a parameter between
/// literal text ("{id}:download"), and as the last one a parameter for the rest of the path
/// ("{rest...}", also "{name...}:cancel"). Literals win over parameters, parameters with more
/// literal text over those with less, and the rest comes last. Segments are compared decoded, and
/// a parameter is never empty. A rest may be: "/ui/{rest...}" takes "/ui/" but not "/ui".
class Router {
 public:
  struct Route {
    Method method;
    std::string pattern;
    std::vector<std::string> names;
    Handler handler;
    RouteOptions options;
  };
  struct Match {
    const Route* route = nullptr;
    Params params;
    std::uint32_t allowed = 0;  ///< methods of the path, 1 << Method; 0: unknown path
    bool malformed = false;     ///< a bad percent escape
  };

  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// A pattern must not be added twice for one method.
  void add(Method method, std::string_view pattern, Handler handler, RouteOptions options = {});
  /// An upload: `open` decides, the sink answers.
  void add_upload(Method method, std::string_view pattern, std::int64_t max_body, OpenSink open);

  /// Bytes of a body on routes that do not say otherwise.
  std::int64_t default_max_body = 1 << 20;
  /// Asked first, with the header read and the body not; its answer is final.
  std::function<std::optional<Response>(const Request&)> gate;
  /// For unknown paths.
  std::function<Response(const Request&)> not_found;
  /// For known paths; `allowed` is "GET, HEAD". The server sets the Allow header from it.
  std::function<Response(const Request&, std::string_view allowed)> method_not_allowed;
  /// Renders what the server itself refuses (400, 408, 411, 413, 414, 417, 431, 500, 501, 505) in
  /// the form of the dialect the path belongs to. `path` is not decoded, and empty when the request
  /// line could not be read. The default is plain text.
  std::function<Response(int status, std::string_view path, std::string_view detail)> bad_request;
  /// Called after every response, on the I/O thread.
  std::function<void(const Served&)> observer;

  /// HEAD falls back to GET.
  void match(Method method, std::string_view path, Match& out) const;
  static std::string allow_text(std::uint32_t allowed);

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace telecine::http
