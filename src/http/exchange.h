#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/message.h"
#include "http/range.h"
#include "http/router.h"

namespace telecine::http {

/// A request that the server itself turns down; the connection is closed after the answer.
struct Refusal {
  int status = 0;  ///< 0: none
  std::string detail;

  explicit operator bool() const { return status != 0; }
};

/// How the request is framed, as the parser found it.
struct Framing {
  int hosts = 0;
  bool keep_alive = false;
  bool chunked = false;
  bool unknown_coding = false;  ///< a Transfer-Encoding other than plain "chunked"
  bool coding_given = false;
  bool expects_continue = false;
  bool unknown_expectation = false;
};

/// One request on its way to its answer, without any I/O: validation, routing, what becomes of
/// the body, the handler's call. Reused for every request of a connection.
class Exchange {
 public:
  enum class Step : std::uint8_t {
    kMore,
    kStop,    ///< read no further, but answer
    kRefuse,  ///< see refusal()
  };

  explicit Exchange(const Router& router) : router_(router) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void reset();

  // Filled by the parser.
  Request request;
  Conditions conditions;
  Framing framing;

  /// Finds method and path in what there is of a refused header.
  void locate();
  /// The header is complete: decides what becomes of the request.
  void begin();
  const Refusal& refusal() const { return refusal_; }

  bool has_body() const { return framing.chunked || request.content_length.value_or(0) > 0; }
  /// False when the answer is clear without the body, and it is too much to read past or the
  /// client waits to be told to send it.
  bool reads_body() const;
  bool sends_continue() const { return framing.expects_continue && reads_body() && !early_; }
  bool feeds_sink() const { return sink_ != nullptr; }
  /// The next piece of the body, without its framing.
  Step take_body(std::string_view piece);
  /// The body will not be complete.
  void abort_body(Error error);

  /// The body is there: the answer, if it is known already. Otherwise call `run`.
  std::optional<Response> take_early() { return std::exchange(early_, std::nullopt); }
  /// Calls the handler or the sink.
  void run(Responder responder);

  /// The pattern; "" when no route took the request.
  std::string_view route() const;
  Method method() const { return method_; }
  /// Also after the handler has taken the request.
  std::string_view target() const { return target_; }
  std::string_view path() const;

 private:
  enum class BodyUse : std::uint8_t { kDiscard, kCollect, kSink };

  Refusal check_framing() const;
  bool split_target();
  void choose_route();
  void prepare_body(const RouteOptions& options);
  void refuse(int status, std::string detail) { refusal_ = {status, std::move(detail)}; }
  Step refuse_body();

  const Router& router_;
  Router::Match match_;
  Method method_ = Method::kOther;
  std::string target_;
  std::size_t path_begin_ = 0;
  std::size_t path_size_ = 0;
  Refusal refusal_;
  std::optional<Response> early_;
  std::unique_ptr<BodySink> sink_;
  BodyUse use_ = BodyUse::kDiscard;
  std::int64_t limit_ = 0;
  std::int64_t received_ = 0;
};

}  // namespace telecine::http
