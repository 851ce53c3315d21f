#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/time.h"

/// What handlers see of HTTP: plain values, no socket and no library type.
namespace telecine::http {

class EventStream;
class Responder;

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

/// "GET"; "" for kOther.
std::string_view name_of(Method method);
Method method_named(std::string_view text);
/// "Not Found"; "Unknown" for a status without a registered phrase.
std::string_view reason_phrase(int status);

/// Header fields in the order and with the case they were sent in; lookup ignores case. The bytes
/// live in one arena, so that a cleared object is filled again without allocating. Views returned
/// are valid until the next change.
class Headers {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  class Iterator {
   public:
    Iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}
    Field operator*() const { return (*headers_)[index_]; }
    Iterator& operator++() { return ++index_, *this; }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Headers* headers_;
    std::size_t index_;
  };

  Headers() = default;
  Headers(std::initializer_list<Field> fields);

  void add(std::string_view name, std::string_view value);
  /// Replaces every field of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();

  /// The first field of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  /// The same, "" when absent.
  std::string_view get(std::string_view name) const { return find(name).value_or(""); }
  bool has(std::string_view name) const { return find(name).has_value(); }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Field operator[](std::size_t index) const;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=x+y" in order, percent-decoded with plus as space. A name or value with a malformed
/// escape is kept as sent. Also right for application/x-www-form-urlencoded bodies.
Pairs parse_form(std::string_view text);

struct Request {
  Method method = Method::kOther;
  std::string method_text;  ///< as sent
  std::string target;       ///< as sent: "/a%20b?x=1", or in absolute form
  std::string path;         ///< of the target, not decoded: "/a%20b"
  std::string query;        ///< of the target, not decoded, without "?": "x=1"
  int version = 11;         ///< 10 or 11
  Headers headers;
  std::string body;  ///< empty where a BodySink took it, and for GET and HEAD unless the
                     ///< route asks for it
  std::optional<std::int64_t> content_length;  ///< absent when chunked or without a body
  std::string peer;                            ///< the client's address, without the port
  std::string local;                           ///< "127.0.0.1:8080", the address the client reached
  bool tls = false;

  /// Decoded; the first of that name.
  std::optional<std::string> query_parameter(std::string_view name) const;
  Pairs query_parameters() const { return parse_form(query); }
};

/// A regular file as the answer. The server adds ETag, Last-Modified and Accept-Ranges, and
/// answers conditional and single-range requests (304, 206, 416) when the status is 200.
struct FileBody {
  Fd fd;
  std::int64_t size = 0;
  Millis modified_ms = 0;  ///< 0: unknown
  std::string etag;        ///< with or without the quotes; empty: none
};

/// The server adds Content-Length, Date, Server and Connection. A handler's own "Connection:
/// close" is honoured; its Content-Length and Transfer-Encoding are not.
struct Response {
  int status = 200;
  Headers headers;
  /// A function is called on the connection's own thread: for bodies whose making should not hold
  /// up the thread that has the news.
  using Rendered = std::function<std::string()>;
  std::variant<std::monostate, std::string, std::shared_ptr<const std::string>, FileBody,
               std::shared_ptr<EventStream>, Rendered>
      body;
  std::string content_type;

  static Response text(int status, std::string content_type, std::string body);
  /// Sent from the shared bytes, without a copy.
  static Response cached(std::string content_type, std::shared_ptr<const std::string> body);
  static Response events(std::shared_ptr<EventStream> stream);
};

/// Takes an upload piece by piece. All calls come from one I/O thread, in the order
/// write* (finish | abort), and the object is destroyed right after finish or abort returns.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// May block briefly. After an error the rest of the body is not read, and `finish` is called
  /// at once so that the sink answers in its own words.
  virtual Status write(std::string_view piece) = 0;
  /// The body is complete, or a write failed. Answers through the responder, now or later.
  virtual void finish(Responder responder) = 0;
  /// The connection broke, stalled or sent more than the route allows. What has arrived is kept or
  /// not by the sink's own rule.
  virtual void abort(Error error) = 0;
};

}  // namespace telecine::http
