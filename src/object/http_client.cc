#include "object/http_client.h"

#include <sys/stat.h>

#include <algorithm>

#include "object/fetch.h"
#include "object/url.h"

namespace telecine::object {

HttpClient::HttpClient(AddressRules rules)
    : rules_(std::make_shared<const AddressRules>(std::move(rules))) {}

Result<Fetched> HttpClient::fetch_to(const std::string& url, int fd, const FetchOptions& options,
                                     const FetchProgress& progress) const {
  return Fetch(rules_.get(), fd, options, progress).run(url);
}

Result<Answer> HttpClient::post(const std::string& url, const Headers& headers,
                                std::string_view body, const CallOptions& options) const {
  return request(
      {.method = "POST", .url = url, .headers = headers, .body = body, .options = options});
}

Result<Answer> HttpClient::request(const Call& call) const {
  const CallOptions& options = call.options;
  if (!options.operator_address) {
    if (auto ok = rules_->check_url(call.url); !ok) return std::unexpected(ok.error());
  }
  const auto url = parse_url(call.url);
  if (!url) return std::unexpected(url.error());
  Outgoing out{.method = call.method,
               .url = url->text,
               .headers = call.headers,
               .body = call.body,
               .ca_file = options.ca_file,
               .rules = options.operator_address ? nullptr : rules_.get(),
               .limits = options.limits};
  if (call.body_fd >= 0) {
    struct stat facts{};
    if (::fstat(call.body_fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return fail(ErrorCode::kInvalidParameter, "What was to be sent is not a regular file.");
    }
    out.body_fd = call.body_fd;
    out.body_size = facts.st_size;
  }

  Answer answer;
  bool streaming = false;
  const Hooks hooks{.on_head =
                        [&](int status, const Headers&) {
                          streaming = call.on_data && status >= 200 && status < 300;
                          return true;
                        },
                    .on_body =
                        [&](std::string_view data) {
                          if (streaming) return call.on_data(data);
                          const auto room = options.max_body - answer.body.size();
                          answer.body += data.substr(0, room);
                          answer.truncated = data.size() > room;
                          return !answer.truncated;
                        },
                    .on_sent = call.on_sent,
                    .stop = options.stop};
  const Millis began = steady_ms();
  Incoming in = exchange(out, hooks);
  if (call.issued != nullptr) *call.issued = in.issued;
  if (in.error) return std::unexpected(std::move(*in.error));
  answer.status = in.status;
  answer.headers = std::move(in.headers);
  answer.retry_after = in.retry_after;
  answer.took = steady_ms() - began;
  return answer;
}

}  // namespace telecine::object
