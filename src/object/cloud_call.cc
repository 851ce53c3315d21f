#include "object/cloud_call.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/crypto.h"
#include "base/text.h"
#include "object/backoff.h"
#include "object/xml.h"

namespace telecine::object {
namespace {

constexpr std::size_t kMostBody = 1 << 20;

/// What becomes of an error code of a store.
enum class Reaction : std::uint8_t { kAgain, kClock, kRegion, kToken, kDenied, kNoBucket, kAbsent };
struct CodeRow {
  std::string_view code;
  Reaction reaction;
};
constexpr std::array kCodes = {
    CodeRow{"SlowDown", Reaction::kAgain},
    CodeRow{"RequestTimeout", Reaction::kAgain},
    CodeRow{"InternalError", Reaction::kAgain},
    CodeRow{"ServiceUnavailable", Reaction::kAgain},
    // Bytes that changed on the way.
    CodeRow{"BadDigest", Reaction::kAgain},
    CodeRow{"InvalidDigest", Reaction::kAgain},
    CodeRow{"XAmzContentSHA256Mismatch", Reaction::kAgain},
    CodeRow{"RequestTimeTooSkewed", Reaction::kClock},
    CodeRow{"PermanentRedirect", Reaction::kRegion},
    CodeRow{"TemporaryRedirect", Reaction::kRegion},
    CodeRow{"AuthorizationHeaderMalformed", Reaction::kRegion},
    CodeRow{"ExpiredToken", Reaction::kToken},
    CodeRow{"SecurityTokenExpired", Reaction::kToken},
    CodeRow{"NoSuchBucket", Reaction::kNoBucket},
    CodeRow{"NoSuchKey", Reaction::kAbsent},
    CodeRow{"AccessDenied", Reaction::kDenied},
    CodeRow{"InvalidAccessKeyId", Reaction::kDenied},
    CodeRow{"SignatureDoesNotMatch", Reaction::kDenied},
};

struct StatusRow {
  int status;
  Reaction reaction;
};
/// Where the code says nothing.
constexpr std::array kStatuses = {
    StatusRow{401, Reaction::kDenied}, StatusRow{403, Reaction::kDenied},
    StatusRow{404, Reaction::kAbsent}, StatusRow{408, Reaction::kAgain},
    StatusRow{429, Reaction::kAgain},  StatusRow{500, Reaction::kAgain},
    StatusRow{502, Reaction::kAgain},  StatusRow{503, Reaction::kAgain},
    StatusRow{504, Reaction::kAgain},  StatusRow{301, Reaction::kRegion},
    StatusRow{307, Reaction::kRegion}};

struct FaultRow {
  CloudFault fault;
  CloudUse use;
  ErrorCode code;
  const char* message;
};
constexpr std::array kFaults = {
    FaultRow{CloudFault::kAbsent, CloudUse::kRead, ErrorCode::kInputNotFound,
             "There is no such object."},
    FaultRow{CloudFault::kAbsent, CloudUse::kWrite, ErrorCode::kStorageUnavailable,
             "The storage lost what was being written."},
    FaultRow{CloudFault::kNoBucket, CloudUse::kRead, ErrorCode::kInputNotFound,
             "There is no such bucket."},
    FaultRow{CloudFault::kNoBucket, CloudUse::kWrite, ErrorCode::kStorageDenied,
             "The storage has no such bucket."},
    FaultRow{CloudFault::kDenied, CloudUse::kRead, ErrorCode::kInputForbidden,
             "The input may not be read: its object store refused the access."},
    FaultRow{CloudFault::kDenied, CloudUse::kWrite, ErrorCode::kStorageDenied,
             "The storage refused the access; check its keys and its bucket's rules."},
    FaultRow{CloudFault::kUnavailable, CloudUse::kRead, ErrorCode::kInputUnreachable,
             "The input's object store cannot be reached or does not answer properly."},
    FaultRow{CloudFault::kUnavailable, CloudUse::kWrite, ErrorCode::kStorageUnavailable,
             "The storage cannot be reached or does not answer properly."},
};

std::optional<Reaction> reaction_to(int status, std::string_view code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row.reaction;
  }
  for (const StatusRow& row : kStatuses) {
    if (row.status == status) return row.reaction;
  }
  return std::nullopt;
}

/// Codes come from a stranger: only what looks like one is repeated.
std::string plain_code(std::string_view code) {
  constexpr auto kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";
  const bool plain = code.size() <= 64 && code.find_first_not_of(kAllowed) == std::string::npos;
  return plain ? std::string(code) : "";
}

}  // namespace

/// What a request was adapted to; each at most once.
struct CloudCaller::Adapted {
  bool clock = false;
  bool token = false;
  std::string region;
};

struct CloudCaller::Verdict {
  std::optional<Error> error;  ///< none: answered
  bool again = false;
  bool at_once = false;  ///< the request was adapted: no pause, and no try is spent
  Millis retry_after = 0;
};

Error CloudCaller::error_of(CloudFault fault, std::string_view detail) const {
  for (const FaultRow& row : kFaults) {
    if (row.fault != fault || row.use != use_) continue;
    std::string message = row.message;
    if (!detail.empty()) message += " (" + std::string(detail) + ")";
    return {row.code, std::move(message), {}};
  }
  return {ErrorCode::kInternal, "a fault without words", {}};
}

Result<Told> CloudCaller::ask(Ask& ask) const {
  const Millis deadline = steady_ms() + options_.span;
  Adapted adapted;
  for (int failures = 0;;) {
    Told told;
    const Verdict verdict = attempt(ask, told, adapted, deadline - steady_ms());
    if (!verdict.error) return told;
    if (!verdict.again) return std::unexpected(*verdict.error);
    if (!verdict.at_once) {
      if (++failures >= options_.tries) return std::unexpected(*verdict.error);
      const Millis pause =
          std::max(std::min(verdict.retry_after, kMostRetryAfter),
                   jittered(failures, options_.first_backoff, options_.most_backoff));
      if (steady_ms() + pause >= deadline) return std::unexpected(*verdict.error);
      wait(pause, options_.stop);
      if (options_.stop.stop_requested()) {
        return fail(ErrorCode::kCancelled, "The transfer was cancelled.");
      }
    }
    if (ask.on_again) ask.on_again(ask);
  }
}

CloudCaller::Verdict CloudCaller::attempt(Ask& ask, Told& told, Adapted& adapted,
                                          Millis left) const {
  auto credentials = credentials_of(place_);
  if (!credentials) return {.error = credentials.error()};
  const KnownEndpoint& endpoint = *place_.endpoint;
  Signable request = request_to(place_, ask.key, adapted.region);
  request.method = ask.method;
  request.query = ask.query;
  request.headers = ask.headers;
  const std::string origin = origin_of(place_, request);
  const bool hashed = endpoint.signature == Signature::kS3V4 && origin.starts_with("http://");
  if (ask.fd >= 0) {
    auto digests = digest_piece(ask.fd, ask.offset, ask.size, hashed);
    if (!digests) return {.error = digests.error()};
    request.headers.push_back({"Content-MD5", digests->md5});
    request.payload_hash = digests->sha256;
  } else if (hashed) {
    request.payload_hash = hex(sha256(ask.body));
  }

  Outgoing out{.method = ask.method, .body = ask.body, .body_fd = ask.fd};
  out.body_offset = ask.offset;
  out.body_size = ask.size;
  out.ca_file = endpoint.options.ca_file;
  out.limits = ask.limits;
  out.limits.total = std::max<Millis>(1, left);
  out.headers = request.headers;
  // A bucket that is open to everybody needs no signature.
  if (!credentials->access_key.empty()) {
    const Headers added =
        sign_headers(endpoint.signature, *credentials, request, now_ms() + endpoint.clock_offset);
    out.headers.insert(out.headers.end(), added.begin(), added.end());
  }
  const std::string query = wire_query(ask.query);
  out.url = origin + wire_path(request) + (query.empty() ? "" : "?" + query);

  bool streaming = false;
  const Hooks hooks{.on_head =
                        [&](int status, const Headers& headers) {
                          streaming = status < 300 && ask.on_body;
                          return status >= 300 || !ask.on_head || ask.on_head(status, headers);
                        },
                    .on_body =
                        [&](std::string_view data) {
                          if (streaming) return ask.on_body(data);
                          told.body += data.substr(0, kMostBody - told.body.size());
                          return told.body.size() < kMostBody;
                        },
                    .on_sent = ask.on_sent,
                    .stop = options_.stop};
  const Incoming in = exchange(out, hooks);
  told.status = in.status;
  told.headers = in.headers;
  if (ask.refusal) return {.error = ask.refusal};
  if (!in.error && std::ranges::find(ask.expected, in.status) != ask.expected.end()) return {};
  return judge(in, told, adapted);
}

CloudCaller::Verdict CloudCaller::judge(const Incoming& in, Told& told, Adapted& adapted) const {
  if (in.error) {
    if (in.error->code == ErrorCode::kCancelled) return {.error = in.error};
    // An error may come with a status: a server that refuses a body closes before it is sent.
    const bool refused = in.status >= 400;
    if (!refused) {
      return {.error = error_of(CloudFault::kUnavailable, ""),
              .again = in.may_pass,
              .retry_after = in.retry_after};
    }
  }
  if (!in.error && in.status >= 200 && in.status < 300) return {};
  Verdict verdict = judge_status(told, adapted);
  verdict.retry_after = in.retry_after;
  return verdict;
}

CloudCaller::Verdict CloudCaller::judge_status(const Told& told, Adapted& adapted) const {
  const auto document = parse_xml(told.body);
  const std::string code = document ? plain_code(document->text_of("Code")) : "";
  const std::string detail = code.empty() ? "status " + std::to_string(told.status) : code;
  const auto once = [&](CloudFault fault, bool can) {
    return Verdict{.error = error_of(fault, detail), .again = can, .at_once = can};
  };
  const auto reaction = reaction_to(told.status, code);
  if (!reaction) return {.error = error_of(CloudFault::kUnavailable, detail)};
  switch (*reaction) {
    case Reaction::kAgain:
      return {.error = error_of(CloudFault::kUnavailable, detail), .again = true};
    case Reaction::kClock: {
      const auto theirs = parse_http_date(find_header(told.headers, "Date"));
      const bool can = theirs && !adapted.clock;
      if (can) place_.endpoint->clock_offset = *theirs - now_ms();
      adapted.clock = true;
      return once(CloudFault::kUnavailable, can);
    }
    case Reaction::kRegion: {
      std::string region(document ? document->text_of("Region") : "");
      if (region.empty()) region = find_header(told.headers, "x-amz-bucket-region");
      const bool can = is_region(region) && adapted.region.empty();
      if (can) adapted.region = region;
      return once(CloudFault::kUnavailable, can);
    }
    case Reaction::kToken: {
      // The token is read anew with each try.
      const bool can =
          !place_.own && !place_.endpoint->options.session_token_file.empty() && !adapted.token;
      adapted.token = true;
      return once(CloudFault::kDenied, can);
    }
    case Reaction::kDenied:
      return {.error = error_of(CloudFault::kDenied, detail)};
    case Reaction::kNoBucket:
      return {.error = error_of(CloudFault::kNoBucket, detail)};
    case Reaction::kAbsent:
      break;
  }
  return {.error = error_of(CloudFault::kAbsent, detail)};
}

Result<PieceDigests> digest_piece(int fd, std::int64_t offset, std::int64_t size,
                                  bool with_sha256) {
  Digest md5 = Digest::md5();
  Digest sha = Digest::sha256();
  std::string buffer(256 * 1024, '\0');
  for (std::int64_t left = size; left > 0;) {
    const auto want = std::min<std::int64_t>(left, static_cast<std::int64_t>(buffer.size()));
    const auto n = ::pread(fd, buffer.data(), static_cast<std::size_t>(want), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(ErrorCode::kInternal, "What was to be sent could not be read.");
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
    md5.update(piece);
    if (with_sha256) sha.update(piece);
    offset += n;
    left -= n;
  }
  return PieceDigests{base64(*unhex(md5.finish_hex())), with_sha256 ? sha.finish_hex() : ""};
}

}  // namespace telecine::object
