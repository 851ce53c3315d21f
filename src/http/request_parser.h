#pragma once

// GCC 12 sees an uninitialised boost::optional in it when it builds with sanitizers.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <boost/beast/http/basic_parser.hpp>
#pragma GCC diagnostic pop
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "http/exchange.h"

/// For session.cc only: Beast's parser, filling our own values without its containers between.
namespace telecine::http {

class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  RequestParser(Exchange& exchange, std::uint32_t header_bytes) : exchange_(exchange) {
    body_limit(boost::none);
    header_limit(header_bytes);
  }

  bool has_request_line() const { return has_request_line_; }
  /// What became of the latest piece of the body.
  Exchange::Step step() const { return step_; }

 private:
  using View = boost::beast::string_view;
  using Code = boost::beast::error_code;

  static std::string_view own(View text) { return {text.data(), text.size()}; }

  void on_request_impl(boost::beast::http::verb, View method, View target, int version,
                       Code&) override {
    auto& request = exchange_.request;
    request.method_text = own(method);
    request.method = method_named(request.method_text);
    request.target = own(target);
    request.version = version;
    has_request_line_ = true;
  }

  void on_field_impl(boost::beast::http::field field, View name, View text, Code&) override {
    if (in_trailer_) return;
    const auto value = own(text);
    exchange_.request.headers.add(own(name), value);
    auto& framing = exchange_.framing;
    switch (field) {
      case boost::beast::http::field::host:
        ++framing.hosts;
        break;
      case boost::beast::http::field::expect:
        framing.unknown_expectation = !iequals(value, "100-continue");
        framing.expects_continue = exchange_.request.version >= 11;  // RFC 9110 10.1.1
        break;
      case boost::beast::http::field::transfer_encoding:
        framing.coding_given = true;
        framing.unknown_coding |= !iequals(value, "chunked");
        break;
      case boost::beast::http::field::range:
        exchange_.conditions.range = value;
        break;
      case boost::beast::http::field::if_range:
        exchange_.conditions.if_range = value;
        break;
      case boost::beast::http::field::if_modified_since:
        exchange_.conditions.if_modified_since = value;
        break;
      case boost::beast::http::field::if_none_match: {
        auto& list = exchange_.conditions.if_none_match;
        if (!list.empty()) list += ',';
        list += value;
        break;
      }
      default:
        break;
    }
  }

  void on_header_impl(Code& code) override {
    in_trailer_ = true;
    exchange_.framing.chunked = chunked();
    exchange_.framing.keep_alive = keep_alive();
    if (const auto length = content_length()) {
      if (*length > static_cast<std::uint64_t>(INT64_MAX)) {
        code = boost::beast::http::error::bad_content_length;
        return;
      }
      exchange_.request.content_length = static_cast<std::int64_t>(*length);
    }
  }

  std::size_t on_body_impl(View body, Code& code) override {
    step_ = exchange_.take_body(own(body));
    if (step_ != Exchange::Step::kMore) code = boost::beast::http::error::body_limit;
    return body.size();
  }

  std::size_t on_chunk_body_impl(std::uint64_t, View body, Code& code) override {
    return on_body_impl(body, code);
  }

  void on_response_impl(int, View, int, Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  void on_finish_impl(Code&) override {}

  Exchange& exchange_;
  Exchange::Step step_ = Exchange::Step::kMore;
  bool has_request_line_ = false;
  bool in_trailer_ = false;
};

}  // namespace telecine::http
