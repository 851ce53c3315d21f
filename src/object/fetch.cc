#include "object/fetch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "object/backoff.h"
#include "object/url.h"

namespace telecine::object {
namespace {

/// New bytes that show that trying on is worth it.
constexpr std::int64_t kHeadway = 1024 * 1024;
constexpr std::size_t kMostShownBytes = 200;

struct AnswerRow {
  int status;
  ErrorCode code;
  bool again;
  const char* message;  ///< null: the text of a refused address
};

constexpr const char* kGone = "There is nothing at this URL.";
constexpr const char* kBusy = "The URL's server is too busy to answer.";
constexpr std::array kAnswers = {
    AnswerRow{401, ErrorCode::kInputForbidden, false, nullptr},
    AnswerRow{403, ErrorCode::kInputForbidden, false, nullptr},
    AnswerRow{404, ErrorCode::kInputNotFound, false, kGone},
    AnswerRow{408, ErrorCode::kInputUnreachable, true, kBusy},
    AnswerRow{410, ErrorCode::kInputNotFound, false, kGone},
    AnswerRow{425, ErrorCode::kInputUnreachable, true, kBusy},
    AnswerRow{429, ErrorCode::kInputUnreachable, true, kBusy},
};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string origin_of(const Url& url) {
  return url.scheme + "://" + url.host + ":" + std::to_string(url.port);
}

std::string last_component(std::string_view path) {
  const auto slash = path.find_last_of("/\\");
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  std::string name = printable(path, kMostShownBytes);
  if (name == "." || name == "..") name.clear();
  return name;
}

std::string name_in(const Url& url) {
  return last_component(percent_decode(url.path).value_or(url.path));
}

}  // namespace

Fetch::Fetch(const AddressRules* rules, int fd, const FetchOptions& options,
             const FetchProgress& progress)
    : rules_(rules), fd_(fd), options_(options), progress_(progress) {}

Result<Fetched> Fetch::run(const std::string& url) {
  const auto parsed = parse_url(url);
  if (!parsed) return std::unexpected(parsed.error());
  home_ = origin_of(*parsed);
  if (const auto* rules = rules_for(parsed->text)) {
    if (auto ok = rules->check_url(url); !ok) return std::unexpected(ok.error());
  }
  if (options_.limits.total > 0) deadline_ = steady_ms() + options_.limits.total;
  std::int64_t furthest = 0;
  for (int failures = 0;;) {
    const Try made = attempt(parsed->text);
    if (!made.error) break;
    if (received_ >= furthest + kHeadway) {
      failures = 0;
      furthest = received_;
    }
    if (!made.again || ++failures >= options_.tries) return std::unexpected(*made.error);
    const auto asked = std::min(made.retry_after, kMostRetryAfter);
    const Millis pause =
        std::max(asked, jittered(failures, options_.first_backoff, options_.most_backoff));
    if (deadline_ > 0 && steady_ms() + pause >= deadline_) return std::unexpected(*made.error);
    wait(pause, options_.stop);
    if (options_.stop.stop_requested()) {
      return fail(ErrorCode::kCancelled, "The transfer was cancelled.");
    }
  }
  if (name_.empty()) name_ = name_in(*parsed);
  return Fetched{received_, md5_.finish_hex(), type_, name_};
}

Fetch::Try Fetch::attempt(const std::string& url) {
  std::string at = url;
  for (int hop = 0; hop <= options_.redirects; ++hop) {
    Incoming in = get(at, hop == 0);
    if (in.error || !is_redirect(in.status)) return conclude(std::move(in));
    auto next = redirect(at, in);
    if (!next) return {.error = std::move(next.error())};
    at = std::move(*next);
  }
  return {.error =
              Error{ErrorCode::kInputUnreachable,
                    "The URL redirects more than " + std::to_string(options_.redirects) + " times.",
                    {}}};
}

const AddressRules* Fetch::rules_for(const std::string& url) const {
  if (!options_.operator_address) return rules_;
  if (!options_.rules_elsewhere) return nullptr;
  const auto parsed = parse_url(url);
  return parsed && origin_of(*parsed) == home_ ? nullptr : rules_;
}

Result<std::string> Fetch::redirect(const std::string& from, const Incoming& in) const {
  const auto location = find_header(in.headers, "Location");
  if (location.empty()) {
    return fail(ErrorCode::kInputUnreachable, "The URL redirects to nowhere.");
  }
  const auto base = parse_url(from);
  const auto next = base ? resolve(*base, location) : base;
  if (!next) return std::unexpected(forbidden_input());
  if (base->scheme == "https" && next->scheme != "https") {
    return fail(ErrorCode::kInputForbidden,
                "The URL redirects from https to http, which is not followed.");
  }
  const auto* rules = rules_for(next->text);
  if (rules != nullptr && !rules->check_url(next->text)) {
    return std::unexpected(forbidden_input());
  }
  return next->text;
}

Incoming Fetch::get(const std::string& url, bool first_hop) {
  verdict_.reset();
  broken_ = false;
  Outgoing out{
      .url = url, .ca_file = options_.ca_file, .rules = rules_for(url), .limits = options_.limits};
  if (deadline_ > 0) out.limits.total = std::max<Millis>(1, deadline_ - steady_ms());
  if (first_hop) out.headers = options_.headers;
  out.headers.push_back({"Accept-Encoding", "identity"});
  if (received_ > 0) {
    out.headers.push_back({"Range", "bytes=" + std::to_string(received_) + "-"});
    out.headers.push_back({"If-Range", validator_});
  }
  const Hooks hooks{
      .on_head = [this](int status, const Headers& headers) { return take_head(status, headers); },
      .on_body = [this](std::string_view data) { return take_body(data); },
      .stop = options_.stop};
  return exchange(out, hooks);
}

Fetch::Try Fetch::conclude(Incoming in) {
  if (verdict_) return {.error = verdict_};
  const bool taken = in.status == 200 || in.status == 206;
  if (total_ >= 0 && received_ > total_ && !start_over()) return {.error = verdict_};
  if (taken && !broken_ && total_ >= 0 && received_ == total_) return {};
  if (in.error) {
    const bool again = in.may_pass;
    if (validator_.empty() && !start_over()) return {.error = verdict_};
    return {.error = std::move(in.error), .again = again, .retry_after = in.retry_after};
  }
  if (in.status == 416 && received_ > 0) {
    // Nothing lies beyond what is here: either that was all of it, or it is another file now.
    const auto range = parse_content_range(find_header(in.headers, "Content-Range"));
    if (range && range->total == received_ && (total_ < 0 || total_ == received_)) return {};
    if (!start_over()) return {.error = verdict_};
    broken_ = true;
  }
  if (taken && !broken_ && total_ < 0) return {};
  if (taken || broken_) {
    if (validator_.empty() && !start_over()) return {.error = verdict_};
    return {.error = Error{ErrorCode::kInputUnreachable,
                           "The connection ended before the whole file was received.",
                           {}},
            .again = true};
  }
  for (const AnswerRow& row : kAnswers) {
    if (row.status != in.status) continue;
    Error error = row.message != nullptr ? Error{row.code, row.message, {}} : forbidden_input();
    return {.error = std::move(error), .again = row.again, .retry_after = in.retry_after};
  }
  return {.error = Error{ErrorCode::kInputUnreachable,
                         "The URL's server answered with status " + std::to_string(in.status) + ".",
                         {}},
          .again = in.status >= 500,
          .retry_after = in.retry_after};
}

bool Fetch::take_head(int status, const Headers& headers) {
  if (status == 200) return take_whole(headers);
  if (status == 206) return take_rest(headers);
  return false;
}

bool Fetch::refuse(ErrorCode code, std::string message) {
  verdict_ = Error{code, std::move(message), {}};
  return false;
}

bool Fetch::take_whole(const Headers& headers) {
  if (received_ > 0) {
    const auto etag = find_header(headers, "ETag");
    const bool changed = !etag.empty() && validator_.starts_with('"') && etag != validator_;
    if (changed && ++changes_ > 1) {
      return refuse(ErrorCode::kInputUnreachable, "The file changed while it was being read.");
    }
    if (!start_over()) return false;
  }
  total_ = parse_int(find_header(headers, "Content-Length")).value_or(-1);
  remember(headers);
  if (total_ > options_.max_bytes) {
    return refuse(ErrorCode::kInputTooLarge,
                  "The file is larger than the " + human_bytes(options_.max_bytes) + " allowed.");
  }
  return true;
}

bool Fetch::take_rest(const Headers& headers) {
  const auto range = parse_content_range(find_header(headers, "Content-Range"));
  const bool fits = range && range->first == received_ && range->last >= range->first &&
                    (total_ < 0 || range->total < 0 || range->total == total_);
  if (!fits) {
    start_over();
    broken_ = true;
    return false;
  }
  if (total_ < 0) total_ = range->total;
  if (received_ == 0) remember(headers);
  if (total_ > options_.max_bytes) {
    return refuse(ErrorCode::kInputTooLarge,
                  "The file is larger than the " + human_bytes(options_.max_bytes) + " allowed.");
  }
  return true;
}

void Fetch::remember(const Headers& headers) {
  const auto etag = find_header(headers, "ETag");
  validator_ = etag.starts_with('"') ? etag : find_header(headers, "Last-Modified");
  const auto type = find_header(headers, "Content-Type");
  type_ = lower(printable(trim(type.substr(0, type.find(';'))), 100));
  name_ = last_component(disposition_name(find_header(headers, "Content-Disposition")));
}

bool Fetch::take_body(std::string_view data) {
  if (static_cast<std::int64_t>(data.size()) > options_.max_bytes - received_) {
    return refuse(ErrorCode::kInputTooLarge,
                  "The file is larger than the " + human_bytes(options_.max_bytes) + " allowed.");
  }
  while (!data.empty()) {
    const auto n = ::pwrite(fd_, data.data(), data.size(), received_);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const bool full = n == 0 || errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
      return refuse(full ? ErrorCode::kOutOfSpace : ErrorCode::kStorageUnavailable,
                    full ? "There is no room to store the file."
                         : "The file could not be written to the engine's own storage.");
    }
    md5_.update(data.substr(0, static_cast<std::size_t>(n)));
    received_ += n;
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  if (progress_) progress_(received_, total_);
  return true;
}

/// Forgets what was received. False, with a verdict, when the file cannot be emptied.
bool Fetch::start_over() {
  received_ = 0;
  total_ = -1;
  validator_.clear();
  md5_ = Digest::md5();
  if (::ftruncate(fd_, 0) == 0) return true;
  return refuse(ErrorCode::kStorageUnavailable,
                "The file could not be written to the engine's own storage.");
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  if (!lower(value.substr(0, 6)).starts_with("bytes ")) return std::nullopt;
  value = trim(value.substr(6));
  const auto slash = value.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  ContentRange range;
  const auto total = value.substr(slash + 1);
  if (total != "*") range.total = parse_int(total).value_or(-2);
  const auto span = value.substr(0, slash);
  if (span != "*") {
    const auto dash = span.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    range.first = parse_int(span.substr(0, dash)).value_or(-2);
    range.last = parse_int(span.substr(dash + 1)).value_or(-2);
  }
  if (range.first < -1 || range.last < -1 || range.total < -1) return std::nullopt;
  return range;
}

std::string disposition_name(std::string_view value) {
  std::string plain;
  std::size_t at = value.find(';');
  while (at != std::string_view::npos) {
    value.remove_prefix(at + 1);
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) break;
    const std::string key = lower(trim(value.substr(0, equals)));
    value = trim(value.substr(equals + 1));
    std::string text;
    if (value.starts_with('"')) {
      std::size_t i = 1;
      for (; i < value.size() && value[i] != '"'; ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        text += value[i];
      }
      at = value.find(';', i);
    } else {
      at = value.find(';');
      text = trim(value.substr(0, at));
    }
    if (key == "filename*" && lower(text).starts_with("utf-8'")) {
      const auto quote = text.find('\'', 6);
      if (quote == std::string::npos) continue;
      if (auto decoded = percent_decode(text.substr(quote + 1))) return *decoded;
    }
    if (key == "filename") plain = text;
  }
  return plain;
}

}  // namespace telecine::object
