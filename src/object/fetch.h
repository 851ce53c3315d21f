#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/error.h"
#include "object/http_client.h"

namespace telecine::object {

/// One download with its tries and redirects; `HttpClient::fetch_to` is its face. What survives a
/// broken connection is here: the bytes already in the file, their digest, and the validator by
/// which the server can tell that they still are the beginning of the same thing.
class Fetch {
 public:
  /// Everything is borrowed.
  Fetch(const AddressRules* rules, int fd, const FetchOptions& options,
        const FetchProgress& progress);

  Result<Fetched> run(const std::string& url);

 private:
  /// How one try ended: done when neither an error nor `again` is set.
  struct Try {
    std::optional<Error> error;
    bool again = false;
    Millis retry_after = 0;
  };
  Try attempt(const std::string& url);
  Incoming get(const std::string& url, bool first_hop);
  Try conclude(Incoming in);
  /// The rules that hold for a URL; null: none do.
  const AddressRules* rules_for(const std::string& url) const;
  Result<std::string> redirect(const std::string& from, const Incoming& in) const;

  bool take_head(int status, const Headers& headers);
  bool take_whole(const Headers& headers);
  bool take_rest(const Headers& headers);
  bool take_body(std::string_view data);
  bool start_over();
  void remember(const Headers& headers);
  bool refuse(ErrorCode code, std::string message);

  const AddressRules* rules_;
  std::string home_;  ///< scheme, host and port of the URL it began with
  int fd_;
  const FetchOptions& options_;
  const FetchProgress& progress_;
  Millis deadline_ = 0;

  std::int64_t received_ = 0;
  std::int64_t total_ = -1;
  std::string validator_;  ///< strong ETag or Last-Modified, for If-Range
  int changes_ = 0;        ///< how often the file turned out to be another one
  Digest md5_ = Digest::md5();
  std::string type_;
  std::string name_;
  std::optional<Error> verdict_;  ///< why a hook ended the exchange, if for good
  bool broken_ = false;           ///< a hook ended it, but another try may do
};

/// bytes <first>-<last>/<total>; total -1 for "*". `first` is -1 in "bytes */<total>".
struct ContentRange {
  std::int64_t first = -1;
  std::int64_t last = -1;
  std::int64_t total = -1;
};
std::optional<ContentRange> parse_content_range(std::string_view value);

/// The file name in a Content-Disposition header (RFC 6266), or empty.
std::string disposition_name(std::string_view value);

}  // namespace telecine::object
