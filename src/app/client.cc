#include "app/client.h"

#include <algorithm>
#include <cstdlib>

#include "base/fs.h"
#include "base/text.h"
#include "object/url.h"

namespace telecine::app {
namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:8080";
constexpr std::size_t kMaxAnswer = 64 << 20;
/// `Error::field` of calls that never got an answer.
constexpr std::string_view kNoAnswer = "server";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const std::string& candidate : candidates) {
    if (!candidate.empty()) return candidate;
  }
  return {};
}

bool is_local(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string token_of_first_key(const Arguments& arguments, const std::string& host) {
  if (!is_local(host)) return {};
  const std::string directory =
      first_of({arguments.text("data"), from_environment("TELECINE_DATA_DIR"), kDefaultDataDir});
  const auto text = read_file(directory + "/first.key", 4096);
  return text ? std::string(trim(*text)) : "";
}

}  // namespace

std::vector<OptionSpec> with_client(std::vector<OptionSpec> own) {
  own.push_back({.name = "--server",
                 .value = "URL",
                 .help = "The server (environment: TELECINE_SERVER) [http://127.0.0.1:8080]"});
  own.push_back({.name = "--key",
                 .value = "TOKEN",
                 .help =
                     "sk-<id>.<secret> (environment: TELECINE_KEY) [first.key of a server's data "
                     "directory on this machine]"});
  own.push_back(
      {.name = "--data", .value = "DIR", .help = "That data directory [./telecine-data]"});
  own.push_back(
      {.name = "--json", .help = "Print JSON on standard output, and nothing else there"});
  return own;
}

Result<Client> Client::make(const Arguments& arguments) {
  std::string server =
      first_of({arguments.text("server"), from_environment("TELECINE_SERVER"), kDefaultServer});
  if (server.find("://") == std::string::npos) server = "http://" + server;
  while (server.ends_with('/')) server.pop_back();
  const auto url = object::parse_url(server);
  if (!url || !url->scheme.starts_with("http")) {
    return fail(ErrorCode::kInvalidParameter,
                "--server must be a URL such as http://127.0.0.1:8080, not \"" + server + "\"");
  }
  std::string token = first_of({arguments.text("key"), from_environment("TELECINE_KEY"),
                                token_of_first_key(arguments, url->host)});
  auto rules = object::AddressRules::parse({});
  if (!rules) return std::unexpected(rules.error());
  return Client(std::move(server), std::move(token), object::HttpClient(std::move(*rules)));
}

Result<object::Answer> Client::call(const std::string& method, const std::string& path,
                                    const Extra& extra) const {
  object::Call call{.method = method, .url = server_ + path, .headers = extra.headers};
  if (!token_.empty()) call.headers.push_back({"Authorization", "Bearer " + token_});
  call.body = extra.body;
  call.body_fd = extra.body_fd;
  call.on_sent = extra.on_sent;
  call.on_data = extra.on_data;
  call.options.operator_address = true;
  call.options.max_body = kMaxAnswer;
  call.options.limits.total = extra.total;
  call.options.limits.stall = extra.stall;
  auto answer = http_.request(call);
  if (!answer) return std::unexpected(unreachable(answer.error()));
  if (answer->status >= 400) return std::unexpected(problem_of(*answer));
  return answer;
}

Result<json::value> Client::call_json(const std::string& method, const std::string& path,
                                      const json::value* body, object::Headers headers) const {
  std::string text;
  if (body != nullptr) {
    text = json::serialize(*body);
    headers.push_back({"Content-Type", "application/json"});
  }
  Extra extra;
  extra.headers = std::move(headers);
  extra.body = text;
  const auto answer = call(method, path, extra);
  if (!answer) return std::unexpected(answer.error());
  if (answer->body.empty()) return json::value();
  auto value = parse_json(answer->body);
  if (value) return value;
  return fail(ErrorCode::kInternal,
              server_ + " answered something that is not JSON; is it a Telecine server?");
}

std::string Client::path_of(std::string_view location) const {
  if (location.starts_with(server_)) location.remove_prefix(server_.size());
  if (const auto scheme = location.find("://"); scheme != std::string_view::npos) {
    // Another name of the same server, say a public one.
    const auto slash = location.find('/', scheme + 3);
    location = slash == std::string_view::npos ? "/" : location.substr(slash);
  }
  return std::string(location);
}

Error Client::unreachable(const Error& why) const {
  if (why.code != ErrorCode::kInputUnreachable) return why;
  return {ErrorCode::kUnavailable,
          "no answer from " + server_ + ": " + why.message +
              " Is `telecine serve` running there? Another server is named by --server or "
              "TELECINE_SERVER.",
          std::string(kNoAnswer)};
}

Error Client::problem_of(const object::Answer& answer) const {
  const json::value document = parse_json(answer.body).value_or(json::value());
  const LooseReader in(document);
  Error error{error_code_named(in.text("code")), in.text("detail"), in.text("field")};
  if (error.message.empty()) error.message = in.text("title");
  if (in.text("code").empty()) {
    error.code = answer.status == 404   ? ErrorCode::kNotFound
                 : answer.status == 401 ? ErrorCode::kUnauthorized
                 : answer.status == 403 ? ErrorCode::kForbidden
                 : answer.status == 409 ? ErrorCode::kConflict
                 : answer.status < 500  ? ErrorCode::kInvalidParameter
                                        : ErrorCode::kUnavailable;
  }
  if (error.message.empty()) {
    error.message = server_ + " answered HTTP status " + std::to_string(answer.status);
  }
  if (error.code == ErrorCode::kUnauthorized) {
    error.message = token_.empty() ? server_ +
                                         " wants a key: give --key or TELECINE_KEY, or name the "
                                         "server's data directory by --data"
                                   : "the key is not valid at " + server_ +
                                         "; see the valid ones with: telecine key list";
  }
  return error;
}

bool is_connection_trouble(const Error& error) {
  return error.field == kNoAnswer;
}

int report_call(const Error& error) {
  if (!is_connection_trouble(error)) return report(error);
  report({error.code, error.message, {}});
  return kUnreachable;
}

}  // namespace telecine::app
