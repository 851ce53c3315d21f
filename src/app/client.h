#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "base/json.h"
#include "object/http_client.h"

namespace telecine::app {

/// A client command's own options, and what all have in common: --server, --key, --data, --json.
std::vector<OptionSpec> with_client(std::vector<OptionSpec> own);

/// A running server's native API as the command line uses it. Every failure is said as an Error of
/// this program: the server's own problem document, or kUnavailable when nobody answers there.
class Client {
 public:
  /// From the options, the environment (TELECINE_SERVER, TELECINE_KEY) and, for a server on this
  /// machine, the first key that `serve` left in the data directory.
  static Result<Client> make(const Arguments& arguments);

  struct Extra {
    object::Headers headers{};
    std::string_view body{};
    int body_fd = -1;
    std::function<void(std::int64_t sent, std::int64_t total)> on_sent{};
    std::function<bool(std::string_view)> on_data{};
    Millis total = 60'000;  ///< for the whole call; 0: no limit
    Millis stall = 60'000;  ///< without a byte; 0: no limit
  };
  /// Any answer below 400; the others become errors. `path` begins with '/'.
  Result<object::Answer> call(const std::string& method, const std::string& path,
                              const Extra& extra) const;
  Result<object::Answer> call(const std::string& method, const std::string& path) const {
    return call(method, path, Extra{});
  }
  /// The same with JSON in and out; null when the answer has no body.
  Result<json::value> call_json(const std::string& method, const std::string& path,
                                const json::value* body = nullptr,
                                object::Headers headers = {}) const;

  const std::string& server() const { return server_; }
  /// A Location header or a link of a document as a path of this server.
  std::string path_of(std::string_view location) const;

 private:
  Client(std::string server, std::string token, object::HttpClient http)
      : server_(std::move(server)), token_(std::move(token)), http_(std::move(http)) {}
  Error problem_of(const object::Answer& answer) const;
  Error unreachable(const Error& why) const;

  std::string server_;  ///< without a slash at the end
  std::string token_;
  object::HttpClient http_;
};

/// Like `report`, with exit code 3 when no server answered.
int report_call(const Error& error);
/// Whether the same call may succeed a little later: nobody answered, or the connection broke.
bool is_connection_trouble(const Error& error);

}  // namespace telecine::app
